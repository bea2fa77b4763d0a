#include <glog/logging.h>

#include <algorithm>

#include "broker/storage/log.h"

namespace ottla::storage {

Result<bool> Log::raise_log_start_offset(Offset offset, Offset high_watermark) {
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check_usable());
  if (offset > high_watermark || offset > log_end_offset()) {
    return fail(ErrorCode::OffsetOutOfRange);
  }
  if (offset <= log_start_offset()) return false;
  log_start_offset_.store(offset.value(), std::memory_order_release);
  if (epochs_.truncate_from_start(offset)) epochs_dirty_ = true;
  LOG(INFO) << "[" << partition_ << "] log start offset is now " << offset;
  return true;
}

Result<int> Log::delete_old_segments(Offset high_watermark) {
  OTTLA_TRY(const int count, retire_old_segments(high_watermark));
  OTTLA_TRY_VOID(delete_retired_segments());
  return count;
}

Result<int> Log::retire_old_segments(Offset high_watermark) {
  MutexLock flush_lock(flush_mutex_);
  const SharedSegmentList list = segments();
  const std::uint64_t active_size = list->back()->size();
  OTTLA_TRY(std::size_t count, environment_->health.check(expired_segments(*list, high_watermark)));
  if (count == 0) return 0;
  MutexLock lock(mutex_);
  OTTLA_TRY_VOID(check_usable());
  if (count == list->size()) {
    // What was appended meanwhile has not expired.
    if (active() == list->back() && active()->size() == active_size) {
      OTTLA_TRY_VOID(environment_->health.check(roll_locked(log_end_offset())));
    } else if (--count == 0) {
      return 0;
    }
  }
  SegmentList kept = *segments();
  const auto first_kept = kept.begin() + static_cast<std::ptrdiff_t>(count);
  SegmentList retired(kept.begin(), first_kept);
  kept.erase(kept.begin(), first_kept);
  const Offset start = std::max(log_start_offset(), kept.front()->base_offset());
  LOG(INFO) << "[" << partition_ << "] deleting " << count << " segments below "
            << kept.front()->base_offset() << ", log start offset " << start;
  log_start_offset_.store(start.value(), std::memory_order_release);
  if (epochs_.truncate_from_start(start)) epochs_dirty_ = true;
  {
    MutexLock published(published_mutex_);
    retired_.insert(retired_.end(), retired.begin(), retired.end());
  }
  publish(std::move(kept));
  return static_cast<int>(count);
}

Result<> Log::delete_retired_segments() {
  MutexLock flush_lock(flush_mutex_);
  return environment_->health.check(delete_retired());
}

/// Without the append lock: nobody finds these segments any more.
Result<> Log::delete_retired() {
  SegmentList retired;
  {
    MutexLock published(published_mutex_);
    retired = retired_;
  }
  if (retired.empty()) return {};
  {
    MutexLock lock(mutex_);
    OTTLA_TRY_VOID(check_usable());
  }
  for (const std::shared_ptr<Segment>& segment : retired) {
    OTTLA_TRY(auto paths, segment->mark_deleted());
    environment_->deletions.schedule(std::move(paths), config()->file_delete_delay);
  }
  MutexLock published(published_mutex_);
  retired_.clear();
  return {};
}

/// How many segments at the log's beginning may go. The last one goes only by time or size, and
/// when it holds something.
Result<std::size_t> Log::expired_segments(const SegmentList& list, Offset high_watermark) const {
  const std::shared_ptr<const LogConfig> config = this->config();
  const env::WallTimeMs now = environment_->clock.wall_now_ms();
  std::int64_t surplus = 0;
  if (config->cleanup_delete && config->retention_bytes) {
    surplus = static_cast<std::int64_t>(size_bytes()) - *config->retention_bytes;
  }
  std::size_t count = 0;
  for (; count < list.size(); ++count) {
    const Segment& segment = *list[count];
    const bool is_last = count + 1 == list.size();
    if (is_last && segment.size() == 0) break;
    const Offset end = is_last ? log_end_offset() : list[count + 1]->base_offset();
    if (end > high_watermark) break;
    const auto size = static_cast<std::int64_t>(segment.size());
    bool expired = !is_last && end <= log_start_offset();
    if (config->cleanup_delete && config->retention_bytes && surplus - size >= 0) expired = true;
    if (!expired && config->cleanup_delete && config->retention_age) {
      OTTLA_TRY(const std::int64_t newest, segment.retention_timestamp());
      expired = now - newest > config->retention_age->count();
    }
    if (!expired) break;
    surplus -= size;
  }
  return count;
}

Offset Log::first_segment_offset() const {
  MutexLock lock(published_mutex_);
  return retired_.empty() ? segments_->front()->base_offset() : retired_.front()->base_offset();
}

}  // namespace ottla::storage
