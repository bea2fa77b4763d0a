#include "broker/replica/log_mover.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/storage/log_store.h"

namespace ottla::replica {
namespace {

/// What may be copied while producers wait.
constexpr std::uint64_t kMaxTailBytes = 1 << 20;

LeaderEpoch last_epoch(const storage::Log& log) {
  const Offset end = log.log_end_offset();
  return end > log.log_start_offset() ? log.leader_epoch_of(end + -1) : kUnknownLeaderEpoch;
}

}  // namespace

LogMover::LogMover(storage::LogStore& logs, TopicPartition partition,
                   std::shared_ptr<storage::Log> log, std::shared_ptr<storage::Log> future)
    : logs_(logs),
      partition_(std::move(partition)),
      log_(std::move(log)),
      future_(std::move(future)),
      cuts_(log_->cuts()) {}

LogMove::Picture LogMover::picture() {
  const std::uint64_t cuts = log_->cuts();
  LogMove::Picture picture;
  picture.was_cut = std::exchange(cuts_, cuts) != cuts;
  picture.future_start = future_->log_start_offset();
  picture.future_end = future_->log_end_offset();
  picture.future_epoch = last_epoch(*future_);
  if (picture.future_epoch != kUnknownLeaderEpoch) {
    picture.log_answer = log_->end_offset_for_epoch(picture.future_epoch);
    if (picture.log_answer.leader_epoch != kUnknownLeaderEpoch) {
      picture.future_answer = future_->end_offset_for_epoch(picture.log_answer.leader_epoch);
    }
  }
  picture.log_start = log_->log_start_offset();
  picture.log_end = log_->log_end_offset();
  return picture;
}

Result<std::uint64_t> LogMover::copy(std::uint64_t max_bytes) {
  const auto segment_bytes = static_cast<std::uint64_t>(log_->config()->segment_bytes);
  OTTLA_TRY(const storage::FetchData data,
            log_->read(future_->log_end_offset(),
                       {.max_bytes = std::min(max_bytes, segment_bytes), .whole_batches = true}));
  if (data.records.length == 0) return 0;
  OTTLA_TRY(const SharedBuffer records, storage::read_slice(data.records));
  const ByteView piece = records->bytes();
  OTTLA_TRY_VOID(future_->append_as_follower(std::span(&piece, 1)));
  return piece.size();
}

Result<> LogMover::cut(const LogMove::Step& step) {
  move_.on_cut();
  switch (step.kind) {
    case LogMove::Step::Kind::TruncateTo:
      OTTLA_TRY_VOID(future_->truncate_to(step.offset));
      return {};
    case LogMove::Step::Kind::StartAnewAt:
      return future_->truncate_fully_and_start_at(step.offset);
    case LogMove::Step::Kind::RaiseStartTo:
      OTTLA_TRY_VOID(future_->raise_log_start_offset(step.offset, future_->log_end_offset()));
      return {};
    case LogMove::Step::Kind::Copy:
    case LogMove::Step::Kind::Prepare:
    case LogMove::Step::Kind::Switch:
    case LogMove::Step::Kind::Retire:
    case LogMove::Step::Kind::None:
      break;
  }
  LOG(FATAL) << "not a cut";
}

Result<LogMover::Progress> LogMover::step(std::uint64_t max_bytes) {
  const LogMove::Picture picture = this->picture();
  const LogMove::Step step = move_.next(picture);
  switch (step.kind) {
    case LogMove::Step::Kind::Copy: {
      OTTLA_TRY(const std::uint64_t bytes, copy(max_bytes));
      // Cut, or raised, since the picture was taken; or a log whose end nobody can read.
      const bool moved_on = log_->cuts() != cuts_ || log_->log_start_offset() != picture.log_start;
      if (bytes == 0 && !moved_on) {
        return fail(ErrorCode::CorruptMessage,
                    "nothing can be read at offset " + std::to_string(picture.future_end.value()));
      }
      move_.on_copied(future_->log_end_offset() >= picture.log_end);
      return Progress{Progress::Next::Step, bytes};
    }
    case LogMove::Step::Kind::TruncateTo:
    case LogMove::Step::Kind::StartAnewAt:
    case LogMove::Step::Kind::RaiseStartTo:
      OTTLA_TRY_VOID(cut(step));
      return Progress{};
    case LogMove::Step::Kind::Prepare:
      OTTLA_TRY_VOID(logs_.prepare_switch(partition_));
      move_.on_prepared();
      return Progress{};
    case LogMove::Step::Kind::Switch:
      return Progress{Progress::Next::Switch};
    case LogMove::Step::Kind::Retire:
      OTTLA_TRY_VOID(logs_.retire_replaced(partition_));
      move_.on_retired();
      return Progress{Progress::Next::Done};
    case LogMove::Step::Kind::None:
      break;
  }
  return Progress{Progress::Next::Done};
}

Result<bool> LogMover::switch_over() {
  for (std::uint64_t copied = 0; copied < kMaxTailBytes;) {
    const LogMove::Picture picture = this->picture();
    const bool is_level = picture.future_end == picture.log_end;
    const LogMove::Step step = move_.next(picture);
    if (step.kind == LogMove::Step::Kind::Switch && is_level) {
      OTTLA_TRY_VOID(logs_.switch_to_future(partition_));
      move_.on_switched(true);
      return true;
    } else if (step.kind == LogMove::Step::Kind::Switch || step.kind == LogMove::Step::Kind::Copy) {
      OTTLA_TRY(const std::uint64_t bytes, copy(kMaxTailBytes - copied));
      if (bytes == 0) break;
      copied += bytes;
    } else {
      break;
    }
  }
  move_.on_switched(false);
  return false;
}

}  // namespace ottla::replica
