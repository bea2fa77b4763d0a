#pragma once

#include <optional>

#include "broker/storage/log_types.h"
#include "common/base/id.h"

namespace ottla::replica {

/// How a leader answers a follower that wants to go on from `fetch_offset`, its last record being
/// of `last_fetched_epoch`.
enum class FetchPosition : std::uint8_t { Fits, Diverged, OutOfRange };

/// `end_of_epoch` is the leader's end_offset_for_epoch(last_fetched_epoch). A follower without
/// records, or with records of formats that know no epoch (-1), is judged by its offset alone.
[[nodiscard]] FetchPosition judge_position(Offset fetch_offset, LeaderEpoch last_fetched_epoch,
                                           storage::EpochEndOffset end_of_epoch,
                                           Offset log_start_offset, Offset log_end_offset);

/// Where a follower cuts its log, told by its leader that the logs part (KIP-101, KIP-279).
struct TruncationPoint {
  Offset offset;
  /// False: the leader does not know the follower's epochs; there is nothing more to compare.
  bool compare_again = true;
};

/// `leader` is the leader's answer: its largest epoch that is not above the follower's, and where
/// that ends. `own` is the follower's own end_offset_for_epoch(leader.leader_epoch). The answer is
/// never above `log_end_offset`; only when the leader knows no epoch at all it is the high
/// watermark, the one thing that is certain then.
[[nodiscard]] TruncationPoint truncation_point(storage::EpochEndOffset leader,
                                               storage::EpochEndOffset own, Offset high_watermark,
                                               Offset log_end_offset);

/// What a follower does whose fetch offset is outside its leader's log.
struct OutOfRangeRemedy {
  enum class Kind : std::uint8_t { TruncateTo, StartAnewAt } kind;
  Offset offset;
};
/// Above the leader's end: cut to it (only after an unclean election). Elsewhere the records
/// between are gone: start anew at the leader's log start offset.
[[nodiscard]] OutOfRangeRemedy out_of_range_remedy(Offset own_log_start, Offset own_log_end,
                                                   Offset leader_log_start, Offset leader_log_end);

}  // namespace ottla::replica
