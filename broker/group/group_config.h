#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

#include "broker/replica/append.h"
#include "common/record/format.h"

namespace ottla::group {

/// When a new snapshot of a partition's groups is worth its work: when so much stands behind the
/// last one that a load would feel it, or some of it for long.
struct SnapshotRules {
  std::int64_t many_records = 200'000;
  std::int64_t few_records = 5'000;
  std::chrono::milliseconds interval{std::chrono::minutes(10)};
};

/// What server.properties says to the group coordinator.
struct GroupConfig {
  std::chrono::milliseconds min_session_timeout{6'000};
  std::chrono::milliseconds max_session_timeout{1'800'000};
  std::chrono::milliseconds initial_rebalance_delay{3'000};
  std::size_t max_size = std::numeric_limits<std::int32_t>::max();  ///< Members of one group.
  std::size_t offset_metadata_max_bytes = 4'096;
  std::chrono::milliseconds offsets_retention{std::chrono::hours(24 * 7)};
  /// How long offsets that have ended can be brought back; 0: not at all.
  std::chrono::milliseconds undelete_window{std::chrono::hours(24 * 7)};
  std::chrono::milliseconds retention_check_interval{600'000};

  // How __consumer_offsets is written and read.
  replica::Acks commit_acks = replica::Acks::All;
  std::chrono::milliseconds commit_timeout{5'000};
  record::Codec codec = record::Codec::None;
  std::uint64_t load_buffer_bytes = 5'242'880;

  SnapshotRules snapshots{};

  /// Of __consumer_offsets as long as it does not exist.
  std::int32_t topic_partitions = 50;
};

}  // namespace ottla::group
