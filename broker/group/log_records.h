#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/cluster/coordinator_partition.h"
#include "common/cluster/topic_name.h"
#include "common/env/clock.h"

/// The records of __consumer_offsets, in Kafka's formats (proto/kafka/group_log.schema).
namespace ottla::group {

using cluster::java_hash;
using cluster::java_length;
using cluster::kOffsetsTopic;

/// The partition of __consumer_offsets that a group belongs to.
[[nodiscard]] inline std::int32_t partition_of(std::string_view group, std::int32_t partitions) {
  return cluster::coordinator_partition(group, partitions);
}

/// An offset as it was committed.
struct CommittedOffset {
  Offset offset = kUnknownOffset;
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  std::string metadata{};
  env::WallTimeMs commit_time = 0;
  /// Set when the commit itself said how long it is good (OffsetCommit v2 to v4).
  std::optional<env::WallTimeMs> expire_time{};

  friend bool operator==(const CommittedOffset&, const CommittedOffset&) = default;
};

/// Why an offset ended. Numbers in the log and on the wire.
enum class OffsetEnd : std::int8_t { Expired = 0, Deleted = 1, GroupDeleted = 2 };

/// An offset that has ended; it can be committed again for a while (N23).
struct EndedOffset {
  CommittedOffset committed;  ///< The last one, without its own time of expiry.
  env::WallTimeMs ended = 0;
  OffsetEnd why = OffsetEnd::Expired;

  friend bool operator==(const EndedOffset&, const EndedOffset&) = default;
};
/// By group.
using EndedOffsets = std::map<std::string, std::map<TopicPartition, EndedOffset>>;

/// A group as it stands in the log: its last completed rebalance.
struct GroupImage {
  struct Member {
    std::string id{};
    std::optional<std::string> instance_id{};
    std::string client_id{};
    std::string client_host{};
    std::int32_t rebalance_timeout_ms = 0;
    std::int32_t session_timeout_ms = 0;
    std::string subscription{};  ///< For the chosen protocol.
    std::string assignment{};

    friend bool operator==(const Member&, const Member&) = default;
  };
  std::string protocol_type{};
  std::int32_t generation = 0;
  std::optional<std::string> protocol{};
  std::optional<std::string> leader{};
  std::optional<env::WallTimeMs> state_time{};  ///< Of the last change of state.
  std::vector<Member> members{};

  friend bool operator==(const GroupImage&, const GroupImage&) = default;
};

/// Bytes of a record; no value is a tombstone.
struct LogRecord {
  std::string key{};
  std::optional<std::string> value{};

  friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

/// Value of version 3; of version 1 for one that says when it expires. Errors of these six:
/// InvalidRequest for a string above 32767 bytes.
[[nodiscard]] Result<LogRecord> offset_record(const std::string& group,
                                              const TopicPartition& partition,
                                              const CommittedOffset& committed);
[[nodiscard]] Result<LogRecord> offset_tombstone(const std::string& group,
                                                 const TopicPartition& partition);
/// Value of version 3.
[[nodiscard]] Result<LogRecord> group_record(const std::string& group, const GroupImage& image);
[[nodiscard]] Result<LogRecord> group_tombstone(const std::string& group);
/// Of a version of keys that is ours alone: Kafka passes over it.
[[nodiscard]] Result<LogRecord> ended_offset_record(const std::string& group,
                                                    const TopicPartition& partition,
                                                    const EndedOffset& ended);
[[nodiscard]] Result<LogRecord> ended_offset_tombstone(const std::string& group,
                                                       const TopicPartition& partition);

struct OffsetEntry {
  std::string group{};
  TopicPartition partition{};
  std::optional<CommittedOffset> committed{};  ///< Nullopt: deleted.
};
struct GroupEntry {
  std::string group{};
  std::optional<GroupImage> image{};  ///< Nullopt: deleted.
};
struct EndedOffsetEntry {
  std::string group{};
  TopicPartition partition{};
  std::optional<EndedOffset> ended{};  ///< Nullopt: no longer kept.
};
using LogEntry = std::variant<OffsetEntry, GroupEntry, EndedOffsetEntry>;

/// Understands all versions of keys 0 to 2, and ours. Nullopt for the keys of a newer Kafka, which
/// it can do without. Errors: CorruptMessage.
[[nodiscard]] Result<std::optional<LogEntry>> decode_entry(ByteView key,
                                                           std::optional<ByteView> value);

}  // namespace ottla::group
