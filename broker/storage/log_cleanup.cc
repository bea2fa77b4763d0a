#include <glog/logging.h>

#include <algorithm>

#include "broker/storage/file_names.h"
#include "broker/storage/log.h"

namespace ottla::storage {

/// Lowers the recovery point, in memory and in the checkpoint, to the beginning of the segment that
/// `offset` is in. A crash after the cut then finds nothing counted as flushed that was appended
/// after it.
Result<> Log::prepare_cut(Offset offset) {
  Offset lowered = offset;
  {
    MutexLock lock(mutex_);
    cutting_ = true;
    const SharedSegmentList list = segments();
    for (const std::shared_ptr<Segment>& segment : *list) {
      if (segment->base_offset() <= offset) lowered = segment->base_offset();
    }
    recovery_point_.store(std::min(recovery_point(), lowered).value(), std::memory_order_release);
  }
  if (!environment_->lower_recovery_checkpoint) return {};
  return environment_->lower_recovery_checkpoint(partition_, lowered);
}

/// Also of one that was given up, for want of room: flushes may move the recovery point again.
void Log::end_cut() {
  MutexLock lock(mutex_);
  cutting_ = false;
}

Result<bool> Log::truncate_to(Offset offset) {
  if (offset >= log_end_offset()) return false;
  auto cut = cut_at(offset);
  end_cut();
  return cut;
}

Result<bool> Log::cut_at(Offset offset) {
  OTTLA_TRY_VOID(prepare_cut(offset));
  MutexLock flush_lock(flush_mutex_);
  OTTLA_TRY_VOID(environment_->health.check(delete_retired()));
  {
    MutexLock lock(mutex_);
    cutting_ = false;
    OTTLA_TRY_VOID(check_usable());
    if (offset >= log_end_offset()) return false;
    LOG(INFO) << "[" << partition_ << "] truncating from " << log_end_offset() << " to " << offset;
    if (offset < segments()->front()->base_offset()) {
      OTTLA_TRY_VOID(environment_->health.check(start_over_locked(offset)));
    } else {
      OTTLA_TRY_VOID(environment_->health.check_strictly(truncate_locked(offset)));
    }
  }
  OTTLA_TRY_VOID(environment_->health.check(write_epochs()));
  return true;
}

Result<> Log::truncate_fully_and_start_at(Offset offset) {
  auto done = start_over_at(offset);
  end_cut();
  return done;
}

Result<> Log::start_over_at(Offset offset) {
  OTTLA_TRY_VOID(prepare_cut(offset));
  MutexLock flush_lock(flush_mutex_);
  OTTLA_TRY_VOID(environment_->health.check(delete_retired()));
  {
    MutexLock lock(mutex_);
    cutting_ = false;
    OTTLA_TRY_VOID(check_usable());
    LOG(INFO) << "[" << partition_ << "] dropping all of " << log_start_offset() << " to "
              << log_end_offset() << ", starting at " << offset;
    OTTLA_TRY_VOID(environment_->health.check(start_over_locked(offset)));
  }
  return environment_->health.check(write_epochs());
}

/// The append lock is held over the directory's sync: nothing may follow a cut that could come
/// undone. A resurrected segment behind new records would be taken for their continuation.
Result<> Log::truncate_locked(Offset offset) {
  ++cuts_;
  touched_ = true;
  SegmentList segments = *this->segments();
  std::size_t kept = segments.size();
  while (kept > 1 && segments[kept - 1]->base_offset() > offset) --kept;
  const SegmentList dropped(segments.begin() + static_cast<std::ptrdiff_t>(kept), segments.end());
  segments.resize(kept);
  const std::shared_ptr<Segment> last = segments.back();
  // The last batch that stays may end below the offset, if that is inside a batch.
  OTTLA_TRY(const auto cut, last->locate(offset));
  const Offset end = cut ? std::min(offset, cut->base_offset) : offset;
  recovery_point_.store(std::min(recovery_point(), last->base_offset()).value(),
                        std::memory_order_release);

  // Readers first: they must not find what is about to go.
  publish(segments);
  log_end_offset_.store(end.value(), std::memory_order_release);
  recent_.reset({end, last->base_offset(), cut ? cut->position : last->size()});
  for (auto segment = dropped.rbegin(); segment != dropped.rend(); ++segment) {
    OTTLA_TRY(auto paths, (*segment)->mark_deleted());
    environment_->deletions.schedule(std::move(paths), config()->file_delete_delay);
  }
  OTTLA_TRY_VOID(last->activate(*config()));
  OTTLA_TRY_VOID(last->truncate_to(offset));
  OTTLA_TRY_VOID(last->file()->sync());
  written_back_ = std::min(written_back_, last->size());
  if (epochs_.truncate_from_end(end)) epochs_dirty_ = true;
  const bool had_producers = !producers_.empty();
  if (had_producers) OTTLA_TRY_VOID(load_producers(segments, end, /*scan_without_snapshot=*/true));
  OTTLA_TRY_VOID(remove_snapshots(segments, end));
  snapshot_at_ = std::min(snapshot_at_, end);
  note_unstable();
  if (log_start_offset() > end) log_start_offset_.store(end.value(), std::memory_order_release);
  return environment_->files.sync_directory(directory_);
}

Result<> Log::start_over_locked(Offset offset) {
  ++cuts_;
  touched_ = true;
  const SharedSegmentList old = segments();
  for (auto segment = old->rbegin(); segment != old->rend(); ++segment) {
    OTTLA_TRY(auto paths, (*segment)->mark_deleted());
    environment_->deletions.schedule(std::move(paths), config()->file_delete_delay);
  }
  OTTLA_TRY(auto created, Segment::create(environment_->files, directory_, offset, *config(),
                                          environment_->clock.wall_now_ms()));
  log_start_offset_.store(offset.value(), std::memory_order_release);
  log_end_offset_.store(offset.value(), std::memory_order_release);
  recovery_point_.store(std::min(recovery_point(), offset).value(), std::memory_order_release);
  written_back_ = 0;
  epochs_.clear();
  epochs_dirty_ = true;
  producers_.clear();
  snapshot_at_ = offset;
  note_unstable();
  SegmentList segments{std::move(created)};
  OTTLA_TRY_VOID(remove_snapshots({}, Offset(-1)));
  publish(std::move(segments));
  recent_.reset({offset, offset, 0});
  return environment_->files.sync_directory(directory_);
}

}  // namespace ottla::storage
