#include "broker/replica/truncation.h"

#include <algorithm>

namespace ottla::replica {

FetchPosition judge_position(Offset fetch_offset, LeaderEpoch last_fetched_epoch,
                             storage::EpochEndOffset end_of_epoch, Offset log_start_offset,
                             Offset log_end_offset) {
  if (fetch_offset < log_start_offset) return FetchPosition::OutOfRange;
  if (last_fetched_epoch != kUnknownLeaderEpoch) {
    const bool unknown = end_of_epoch.end_offset == kUnknownOffset ||
                         end_of_epoch.leader_epoch == kUnknownLeaderEpoch;
    if (unknown || end_of_epoch.leader_epoch < last_fetched_epoch ||
        end_of_epoch.end_offset < fetch_offset) {
      return FetchPosition::Diverged;
    }
  }
  return fetch_offset > log_end_offset ? FetchPosition::OutOfRange : FetchPosition::Fits;
}

TruncationPoint truncation_point(storage::EpochEndOffset leader, storage::EpochEndOffset own,
                                 Offset high_watermark, Offset log_end_offset) {
  if (leader.end_offset == kUnknownOffset || leader.leader_epoch == kUnknownLeaderEpoch) {
    return {std::min(high_watermark, log_end_offset), false};
  }
  if (own.end_offset == kUnknownOffset) {
    return {std::min(leader.end_offset, log_end_offset)};
  }
  if (own.leader_epoch != leader.leader_epoch) {
    // We have nothing of that epoch: all we hold above our own next smaller one is foreign to the
    // leader. Cut there and compare again with the smaller epoch.
    return {std::min(own.end_offset, log_end_offset)};
  }
  return {std::min({own.end_offset, leader.end_offset, log_end_offset})};
}

OutOfRangeRemedy out_of_range_remedy(Offset own_log_start, Offset own_log_end,
                                     Offset leader_log_start, Offset leader_log_end) {
  if (own_log_end > leader_log_end && leader_log_end >= own_log_start) {
    return {OutOfRangeRemedy::Kind::TruncateTo, leader_log_end};
  }
  return {OutOfRangeRemedy::Kind::StartAnewAt, leader_log_start};
}

}  // namespace ottla::replica
