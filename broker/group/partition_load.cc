#include "broker/group/partition_load.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/storage/damaged_batch.h"
#include "broker/storage/segment.h"

namespace ottla::group {

PartitionLoad::PartitionLoad(std::shared_ptr<storage::Log> log, Options options,
                             env::Executor& io_pool)
    : log_(std::move(log)), options_(options), io_pool_(io_pool) {}

void PartitionLoad::start(Callback<Result<Outcome>> done) {
  done_ = std::move(done);
  next_ = log_->log_start_offset();
  end_ = options_.end.value_or(log_->log_end_offset());
  segments_ = log_->all_segments();  // after the end: all below it is in them
  io_pool_.post([self = shared_from_this()] { self->begin(); });
}

void PartitionLoad::begin() {
  auto snapshot = options_.files == nullptr ? std::nullopt : read_snapshot(*options_.files, *log_);
  if (snapshot && snapshot->end <= end_) {
    if (const auto restored = loader_.restore(snapshot->entries)) {
      next_ = snapshot_end_ = snapshot->end;
    } else {
      LOG(ERROR) << "[" << log_->partition()
                 << "] the snapshot of its groups is not understood: " << restored.error();
      loader_ = GroupLoader();
    }
  }
  go_on();
}

void PartitionLoad::go_on() {
  auto step = [self = shared_from_this()] { self->read_on(); };
  if (options_.pause.count() == 0) return io_pool_.post(std::move(step));
  timer_ = io_pool_.post_after(options_.pause, std::move(step));
}

void PartitionLoad::read_on() {
  const auto more = read_some();
  if (more && *more) return go_on();
  if (more) return std::move(done_)(finish());
  if (more.error().code() == ErrorCode::KafkaStorageError) (void)log_->report(more.error());
  std::move(done_)(fail(more.error()));
}

Result<PartitionLoad::Outcome> PartitionLoad::finish() {
  Outcome outcome{.groups = {},
                  .ended = {},
                  .end = end_,
                  .records = loader_.records(),
                  .unreadable = loader_.unreadable() + damaged_batches_,
                  .torn_segments = torn_segments_,
                  .snapshot_end = snapshot_end_};
  if (!options_.makes_snapshot) {
    outcome.groups = loader_.finish();
    outcome.ended = loader_.finish_ended();
    return outcome;
  }
  OTTLA_TRY(auto entries, loader_.entries());
  outcome.snapshot = GroupSnapshot{.end = end_,
                                   .last_epoch = log_->leader_epoch_of(end_ + -1),
                                   .log_start_offset = log_->log_start_offset(),
                                   .entries = std::move(entries)};
  return outcome;
}

Result<bool> PartitionLoad::read_some() {
  for (std::uint64_t used = 0; used < std::max<std::uint64_t>(options_.buffer_bytes, 1);) {
    if (next_ >= end_ || (!scanner_ && !open_segment())) return false;
    const std::uint64_t position = scanner_->position();
    const auto at = scanner_->next();
    if (!at && at.error().code() == ErrorCode::KafkaStorageError) return fail(at.error());
    if (at && !*at && position == segment_bytes_) {
      scanner_.reset();
      ++segment_;
      continue;
    }
    const bool is_good = at && *at && (*at)->batch.validate_crc();
    if (!is_good) {
      OTTLA_TRY_VOID(pass_damaged(position, at ? Error(ErrorCode::CorruptMessage,
                                                       *at ? "its CRC is wrong" : "it is cut off")
                                               : at.error()));
      continue;
    }
    const record::RecordBatchView& batch = (*at)->batch;
    used += batch.size();
    least_ = std::max(least_, batch.next_offset());
    if (batch.base_offset() >= end_) return false;
    if (batch.last_offset() < next_) continue;
    next_ = batch.next_offset();
    loader_.add(batch);
  }
  return true;
}

bool PartitionLoad::open_segment() {
  // Retention and DeleteRecords may take away what stands before our place.
  next_ = std::max(next_, log_->log_start_offset());
  while (segment_ + 1 < segments_.size() && segments_[segment_ + 1]->base_offset() <= next_) {
    ++segment_;
  }
  if (segment_ >= segments_.size()) return false;
  const storage::Segment& segment = *segments_[segment_];
  segment_bytes_ = segment.size();
  std::uint64_t position = 0;
  least_ = segment.base_offset();
  if (segment.base_offset() < next_) {
    const auto found = segment.find_batch(next_, segment_bytes_);
    // Without a place to begin at, from the segment's begin.
    if (found && *found) position = (*found)->position;
  }
  scanner_.emplace(*segment.file(), position, segment_bytes_,
                   static_cast<std::size_t>(options_.buffer_bytes));
  vouched_to_ = 0;
  return true;
}

Result<> PartitionLoad::pass_damaged(std::uint64_t position, const Error& cause) {
  if (log_->log_end_offset() < end_) {
    return fail(ErrorCode::OffsetOutOfRange, "the log was cut while it was read");
  }
  const storage::Segment& segment = *segments_[segment_];
  const Offset limit =
      segment_ + 1 < segments_.size() ? segments_[segment_ + 1]->base_offset() : end_;
  OTTLA_TRY(const auto damaged,
            storage::measure_damaged_batch(*segment.file(), position, segment_bytes_, least_, limit,
                                           vouched_to_));
  if (damaged) {
    ++damaged_batches_;
    LOG_EVERY_T(ERROR, 1) << "[" << log_->partition() << "] a damaged batch at offset "
                          << damaged->offset << " is left out: " << cause;
    least_ = damaged->offset.next();
    next_ = std::max(next_, least_);
    scanner_->go_to(position + damaged->bytes);
    return {};
  }
  const std::string where =
      "the segment from offset " + std::to_string(segment.base_offset().value()) +
      " cannot be read from position " + std::to_string(position) + " on: " + cause.describe();
  if (options_.torn == Torn::Fail) return fail(ErrorCode::CorruptMessage, where);
  LOG(ERROR) << "[" << log_->partition() << "] " << where
             << "; what stands there is left out, and the next segment is read";
  ++torn_segments_;
  next_ = limit;
  scanner_.reset();
  ++segment_;
  return {};
}

}  // namespace ottla::group
