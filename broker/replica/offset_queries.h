#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "broker/replica/fetch.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"

namespace ottla::replica {

/// What ListOffsets asks in place of a time.
inline constexpr std::int64_t kLatestTimestamp = -1;
inline constexpr std::int64_t kEarliestTimestamp = -2;
inline constexpr std::int64_t kMaxTimestamp = -3;            ///< KIP-734
inline constexpr std::int64_t kEarliestLocalTimestamp = -4;  ///< KIP-405: all is local here.
inline constexpr std::int64_t kLatestTieredTimestamp = -5;   ///< KIP-1005: nothing is tiered here.

struct OffsetQuery {
  TopicPartition partition;
  LeaderEpoch current_leader_epoch = kUnknownLeaderEpoch;
  std::int64_t timestamp = kLatestTimestamp;
  /// Set by ListOffsets v0: not the records' times count but those of the segments' files, and the
  /// answer is that many segment starts at or before `timestamp`, newest first.
  std::optional<std::int32_t> max_segments;
};

/// -1 everywhere when no record is that new.
struct ListedOffset {
  TopicPartition partition;
  ErrorCode error = ErrorCode::None;
  std::int64_t timestamp = -1;
  Offset offset = kUnknownOffset;
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  std::vector<Offset> segments;  ///< For a query with `max_segments`.
};

struct EpochQuery {
  TopicPartition partition;
  LeaderEpoch current_leader_epoch = kUnknownLeaderEpoch;
  LeaderEpoch leader_epoch;
};

/// Answer to OffsetForLeaderEpoch: -1 for an epoch the log does not know.
struct EpochAnswer {
  TopicPartition partition;
  ErrorCode error = ErrorCode::None;
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  Offset end_offset = kUnknownOffset;
};

/// DeleteRecords for one partition; offset -1 is the high watermark.
struct DeleteRecordsQuery {
  TopicPartition partition;
  Offset offset;
};
struct DeletedRecords {
  TopicPartition partition;
  ErrorCode error = ErrorCode::None;
  Offset low_watermark = kUnknownOffset;
};

}  // namespace ottla::replica
