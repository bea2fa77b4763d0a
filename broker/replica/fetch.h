#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/log_types.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/payload.h"
#include "common/base/topic_partition.h"
#include "common/base/uuid.h"
#include "common/env/clock.h"

namespace ottla::replica {

enum class IsolationLevel : std::int8_t { ReadUncommitted = 0, ReadCommitted = 1 };

struct FetchPartition {
  TopicPartition partition;
  TopicId topic_id;  ///< Zero: not asked for (Fetch below v13). Another one: InconsistentTopicId.
  Offset fetch_offset;
  std::int32_t max_bytes = 0;
  LeaderEpoch current_leader_epoch = kUnknownLeaderEpoch;  ///< -1: not fenced (KIP-320).
  LeaderEpoch last_fetched_epoch = kUnknownLeaderEpoch;    ///< Set: look for divergence (KIP-595).
};

/// A consumer's Fetch, after its session was resolved.
struct FetchRequest {
  std::vector<FetchPartition> partitions;
  IsolationLevel isolation = IsolationLevel::ReadUncommitted;
  env::Duration max_wait{};
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = 0;
  /// Fetch v3+: the first non-empty partition yields its first batch whatever its size (KIP-74).
  bool at_least_one_batch = true;
  /// Whose turn a read from the disk takes (storage::ColdReads).
  std::string client;
  /// The client's rack (KIP-392); empty: always the leader. Only v11+ can be told of a replica.
  std::string rack;
  bool can_follow_preferred_replica = false;
};

struct FetchedPartition {
  TopicPartition partition;
  ErrorCode error = ErrorCode::None;
  Offset high_watermark = kUnknownOffset;
  Offset last_stable_offset = kUnknownOffset;
  Offset log_start_offset = kUnknownOffset;
  /// Set for ReadCommitted.
  std::optional<std::vector<storage::AbortedTransaction>> aborted_transactions;
  std::optional<BrokerId> preferred_read_replica;
  std::optional<storage::EpochEndOffset> diverging_epoch;
  /// Begins with the batch that holds the fetch offset; the last batch may be cut.
  Payload records;
};

/// In the order of the request's partitions.
using FetchResult = std::vector<FetchedPartition>;

}  // namespace ottla::replica
