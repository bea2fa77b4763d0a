#include "broker/storage/log_walk.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/storage/damaged_batch.h"
#include "broker/storage/segment.h"

namespace ottla::storage {

LogWalk::LogWalk(std::shared_ptr<Log> log, std::uint64_t buffer_bytes, Torn torn,
                 std::optional<Offset> end)
    : log_(std::move(log)),
      buffer_bytes_(buffer_bytes),
      torn_(torn),
      next_(log_->log_start_offset()),
      walked_{.end = end.value_or(log_->log_end_offset())},
      segments_(log_->all_segments()) {}  // after the end: all below it is in them

Result<bool> LogWalk::read_some(const Sink& sink) {
  for (std::uint64_t used = 0; used < std::max<std::uint64_t>(buffer_bytes_, 1);) {
    if (next_ >= walked_.end || (!scanner_ && !open_segment())) return false;
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
    if (batch.base_offset() >= walked_.end) return false;
    if (batch.last_offset() < next_) continue;
    next_ = batch.next_offset();
    sink(batch);
  }
  return true;
}

bool LogWalk::open_segment() {
  // Retention and DeleteRecords may take away what stands before our place.
  next_ = std::max(next_, log_->log_start_offset());
  while (segment_ + 1 < segments_.size() && segments_[segment_ + 1]->base_offset() <= next_) {
    ++segment_;
  }
  if (segment_ >= segments_.size()) return false;
  const Segment& segment = *segments_[segment_];
  segment_bytes_ = segment.size();
  std::uint64_t position = 0;
  least_ = segment.base_offset();
  if (segment.base_offset() < next_) {
    const auto found = segment.find_batch(next_, segment_bytes_);
    // Without a place to begin at, from the segment's begin.
    if (found && *found) position = (*found)->position;
  }
  scanner_.emplace(*segment.file(), position, segment_bytes_,
                   static_cast<std::size_t>(buffer_bytes_));
  vouched_to_ = 0;
  return true;
}

Result<> LogWalk::pass_damaged(std::uint64_t position, const Error& cause) {
  if (log_->log_end_offset() < walked_.end) {
    return fail(ErrorCode::OffsetOutOfRange, "the log was cut while it was read");
  }
  const Segment& segment = *segments_[segment_];
  const Offset limit =
      segment_ + 1 < segments_.size() ? segments_[segment_ + 1]->base_offset() : walked_.end;
  OTTLA_TRY(const auto damaged, measure_damaged_batch(*segment.file(), position, segment_bytes_,
                                                      least_, limit, vouched_to_));
  if (damaged) {
    ++walked_.damaged_batches;
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
  if (torn_ == Torn::Fail) return fail(ErrorCode::CorruptMessage, where);
  LOG(ERROR) << "[" << log_->partition() << "] " << where
             << "; what stands there is left out, and the next segment is read";
  ++walked_.torn_segments;
  next_ = limit;
  scanner_.reset();
  ++segment_;
  return {};
}

namespace {

struct WalkInTurns : std::enable_shared_from_this<WalkInTurns> {
  WalkInTurns(std::shared_ptr<LogWalk> of, LogWalk::Sink to, env::Executor& on, env::Duration rest,
              Callback<Result<Walked>> then)
      : walk(std::move(of)), sink(std::move(to)), pool(on), pause(rest), done(std::move(then)) {}

  void go_on() {
    auto turn = [self = shared_from_this()] { self->take_turn(); };
    if (pause.count() == 0) return pool.post(std::move(turn));
    timer = pool.post_after(pause, std::move(turn));
  }

  void take_turn() {
    const auto more = walk->read_some(sink);
    if (more && *more) return go_on();
    if (more) return std::move(done)(walk->outcome());
    if (more.error().code() == ErrorCode::KafkaStorageError) {
      (void)walk->log().report(more.error());  // the walk fails in any case
    }
    std::move(done)(fail(more.error()));
  }

  const std::shared_ptr<LogWalk> walk;
  const LogWalk::Sink sink;
  env::Executor& pool;
  const env::Duration pause;
  env::TimerHandle timer;
  Callback<Result<Walked>> done;
};

}  // namespace

void walk_in_turns(std::shared_ptr<LogWalk> walk, LogWalk::Sink sink, env::Executor& pool,
                   env::Duration pause, Callback<Result<Walked>> done) {
  std::make_shared<WalkInTurns>(std::move(walk), std::move(sink), pool, pause, std::move(done))
      ->go_on();
}

}  // namespace ottla::storage
