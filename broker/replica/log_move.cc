#include "broker/replica/log_move.h"

#include <glog/logging.h>

#include <algorithm>

#include "broker/replica/truncation.h"

namespace ottla::replica {
namespace {

using Kind = LogMove::Step::Kind;

/// Where the future log parts from the log.
LogMove::Step cut(const LogMove::Picture& picture) {
  // Nothing to compare: the log knows no epoch of the future log's.
  if (picture.log_answer.leader_epoch == kUnknownLeaderEpoch) {
    return {Kind::StartAnewAt, picture.log_start};
  }
  const TruncationPoint point = truncation_point(picture.log_answer, picture.future_answer,
                                                 picture.future_start, picture.future_end);
  if (point.offset <= picture.future_start) return {Kind::StartAnewAt, picture.log_start};
  return {Kind::TruncateTo, point.offset};
}

}  // namespace

LogMove::Step LogMove::next(const Picture& picture) const {
  if (state_ == State::Done) return {Kind::None};
  if (state_ == State::Switched) return {Kind::Retire};
  const bool has_records = picture.future_end > picture.future_start;
  // Records of formats without epochs do not tell where the logs part.
  const bool is_unknowable =
      picture.was_cut && has_records && picture.future_epoch == kUnknownLeaderEpoch;
  // The log began again below: what is there is missing here.
  const bool lacks_begin = picture.future_start > picture.log_start;
  if (is_unknowable || lacks_begin) return {Kind::StartAnewAt, picture.log_start};

  switch (judge_position(picture.future_end, picture.future_epoch, picture.log_answer,
                         picture.log_start, picture.log_end)) {
    case FetchPosition::Diverged:
      return cut(picture);
    case FetchPosition::OutOfRange: {
      const OutOfRangeRemedy remedy = out_of_range_remedy(picture.future_start, picture.future_end,
                                                          picture.log_start, picture.log_end);
      if (remedy.kind == OutOfRangeRemedy::Kind::TruncateTo &&
          remedy.offset > picture.future_start) {
        return {Kind::TruncateTo, remedy.offset};
      }
      return {Kind::StartAnewAt, picture.log_start};
    }
    case FetchPosition::Fits:
      break;
  }
  if (picture.log_start > picture.future_start) return {Kind::RaiseStartTo, picture.log_start};
  if (picture.future_end < picture.log_end && !is_near_) return {Kind::Copy};
  return {state_ == State::Copying ? Kind::Prepare : Kind::Switch};
}

void LogMove::on_cut() {
  CHECK(state_ == State::Copying || state_ == State::Prepared);
  state_ = State::Copying;
  is_near_ = false;
}

void LogMove::on_prepared() {
  CHECK(state_ == State::Copying);
  state_ = State::Prepared;
  is_near_ = false;  // the sync took its time
}

void LogMove::on_switched(bool done) {
  CHECK(!done || state_ == State::Prepared);
  is_near_ = false;
  if (done) state_ = State::Switched;
}

void LogMove::on_retired() {
  CHECK(state_ == State::Switched);
  state_ = State::Done;
}

}  // namespace ottla::replica
