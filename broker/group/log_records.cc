#include "broker/group/log_records.h"

#include <utility>

#include "common/protocol/messages/group_log.h"
#include "common/protocol/versioned_bytes.h"

namespace ottla::group {
namespace {

using protocol::EndedOffsetKey;
using protocol::EndedOffsetValue;
using protocol::GroupMetadataKey;
using protocol::GroupMetadataValue;
using protocol::OffsetCommitKey;
using protocol::OffsetCommitValue;

constexpr std::int16_t kOffsetKeyVersion = 1;
constexpr std::int16_t kGroupKeyVersion = 2;
constexpr std::int16_t kOffsetValueVersion = 3;
constexpr std::int16_t kExpiringOffsetValueVersion = 1;
constexpr std::int16_t kGroupValueVersion = 3;
constexpr std::int16_t kEndedOffsetKeyVersion = 20000;
constexpr std::int16_t kEndedOffsetValueVersion = 20000;

Result<std::string> offset_key(const std::string& group, const TopicPartition& partition) {
  OffsetCommitKey key;
  key.group = group;
  key.topic = partition.topic;
  key.partition = partition.partition;
  return protocol::encode_versioned(key, kOffsetKeyVersion);
}

Result<std::string> group_key(const std::string& group) {
  GroupMetadataKey key;
  key.group = group;
  return protocol::encode_versioned(key, kGroupKeyVersion);
}

Result<std::string> ended_offset_key(const std::string& group, const TopicPartition& partition) {
  EndedOffsetKey key;
  key.group = group;
  key.topic = partition.topic;
  key.partition = partition.partition;
  return protocol::encode_versioned(key, kEndedOffsetKeyVersion);
}

std::string text_of_bytes(ByteView bytes) {
  return std::string(as_text(bytes));
}

Result<CommittedOffset> decode_offset_value(ByteView bytes) {
  OTTLA_TRY(const std::int16_t version, protocol::version_of(bytes));
  OTTLA_TRY(auto value, protocol::decode_versioned<OffsetCommitValue>(bytes, version));
  CommittedOffset committed;
  committed.offset = value.offset;
  committed.leader_epoch = value.leader_epoch;
  committed.metadata = std::move(value.metadata);
  committed.commit_time = value.commit_timestamp;
  if (value.expire_timestamp != -1) committed.expire_time = value.expire_timestamp;
  return committed;
}

Result<EndedOffset> decode_ended_offset_value(ByteView bytes) {
  OTTLA_TRY(std::int16_t version, protocol::version_of(bytes));
  if (version == 0) version = kEndedOffsetValueVersion;
  OTTLA_TRY(auto value, protocol::decode_versioned<EndedOffsetValue>(bytes, version));
  EndedOffset ended;
  ended.committed.offset = value.offset;
  ended.committed.leader_epoch = value.leader_epoch;
  ended.committed.metadata = std::move(value.metadata);
  ended.committed.commit_time = value.commit_timestamp;
  ended.ended = value.ended_timestamp;
  ended.why = static_cast<OffsetEnd>(value.why);
  return ended;
}

Result<GroupImage> decode_group_value(ByteView bytes) {
  OTTLA_TRY(const std::int16_t version, protocol::version_of(bytes));
  OTTLA_TRY(auto value, protocol::decode_versioned<GroupMetadataValue>(bytes, version));
  GroupImage image;
  image.protocol_type = std::move(value.protocol_type);
  image.generation = value.generation;
  image.protocol = std::move(value.protocol);
  image.leader = std::move(value.leader);
  if (value.current_state_timestamp != -1) image.state_time = value.current_state_timestamp;
  for (auto& stored : value.members) {
    GroupImage::Member member;
    member.id = std::move(stored.member_id);
    member.instance_id = std::move(stored.group_instance_id);
    member.client_id = std::move(stored.client_id);
    member.client_host = std::move(stored.client_host);
    member.session_timeout_ms = stored.session_timeout;
    // Version 0 comes from clients that had one timeout for both.
    member.rebalance_timeout_ms = version == 0 ? stored.session_timeout : stored.rebalance_timeout;
    member.subscription = text_of_bytes(stored.subscription);
    member.assignment = text_of_bytes(stored.assignment);
    image.members.push_back(std::move(member));
  }
  return image;
}

}  // namespace

Result<LogRecord> offset_record(const std::string& group, const TopicPartition& partition,
                                const CommittedOffset& committed) {
  OffsetCommitValue value;
  value.offset = committed.offset;
  value.leader_epoch = committed.leader_epoch;
  value.metadata = committed.metadata;
  value.commit_timestamp = committed.commit_time;
  value.expire_timestamp = committed.expire_time.value_or(-1);
  LogRecord record;
  OTTLA_TRY(record.key, offset_key(group, partition));
  OTTLA_TRY(record.value,
            protocol::encode_versioned(
                value, committed.expire_time ? kExpiringOffsetValueVersion : kOffsetValueVersion));
  return record;
}

Result<LogRecord> offset_tombstone(const std::string& group, const TopicPartition& partition) {
  OTTLA_TRY(std::string key, offset_key(group, partition));
  return LogRecord{std::move(key), std::nullopt};
}

Result<LogRecord> group_record(const std::string& group, const GroupImage& image) {
  GroupMetadataValue value;
  value.protocol_type = image.protocol_type;
  value.generation = image.generation;
  value.protocol = image.protocol;
  value.leader = image.leader;
  value.current_state_timestamp = image.state_time.value_or(-1);
  for (const GroupImage::Member& member : image.members) {
    GroupMetadataValue::MemberMetadata stored;
    stored.member_id = member.id;
    stored.group_instance_id = member.instance_id;
    stored.client_id = member.client_id;
    stored.client_host = member.client_host;
    stored.rebalance_timeout = member.rebalance_timeout_ms;
    stored.session_timeout = member.session_timeout_ms;
    stored.subscription = as_bytes(member.subscription);
    stored.assignment = as_bytes(member.assignment);
    value.members.push_back(std::move(stored));
  }
  LogRecord record;
  OTTLA_TRY(record.key, group_key(group));
  OTTLA_TRY(record.value, protocol::encode_versioned(value, kGroupValueVersion));
  return record;
}

Result<LogRecord> group_tombstone(const std::string& group) {
  OTTLA_TRY(std::string key, group_key(group));
  return LogRecord{std::move(key), std::nullopt};
}

Result<LogRecord> ended_offset_record(const std::string& group, const TopicPartition& partition,
                                      const EndedOffset& ended) {
  EndedOffsetValue value;
  value.offset = ended.committed.offset;
  value.leader_epoch = ended.committed.leader_epoch;
  value.metadata = ended.committed.metadata;
  value.commit_timestamp = ended.committed.commit_time;
  value.ended_timestamp = ended.ended;
  value.why = static_cast<std::int8_t>(ended.why);
  LogRecord record;
  OTTLA_TRY(record.key, ended_offset_key(group, partition));
  OTTLA_TRY(record.value, protocol::encode_versioned(value, kEndedOffsetValueVersion));
  return record;
}

Result<LogRecord> ended_offset_tombstone(const std::string& group,
                                         const TopicPartition& partition) {
  OTTLA_TRY(std::string key, ended_offset_key(group, partition));
  return LogRecord{std::move(key), std::nullopt};
}

Result<std::optional<LogEntry>> decode_entry(ByteView key, std::optional<ByteView> value) {
  OTTLA_TRY(const std::int16_t version, protocol::version_of(key));
  if (version == 0 || version == kOffsetKeyVersion) {
    OTTLA_TRY(auto decoded, protocol::decode_versioned<OffsetCommitKey>(key, version));
    OffsetEntry entry{.group = std::move(decoded.group),
                      .partition = {std::move(decoded.topic), decoded.partition},
                      .committed = std::nullopt};
    if (value) {
      OTTLA_TRY(entry.committed, decode_offset_value(*value));
    }
    return LogEntry(std::move(entry));
  }
  if (version == kGroupKeyVersion) {
    OTTLA_TRY(auto decoded, protocol::decode_versioned<GroupMetadataKey>(key, version));
    GroupEntry entry{.group = std::move(decoded.group), .image = std::nullopt};
    if (value) {
      OTTLA_TRY(entry.image, decode_group_value(*value));
    }
    return LogEntry(std::move(entry));
  }
  if (version == kEndedOffsetKeyVersion) {
    OTTLA_TRY(auto decoded, protocol::decode_versioned<EndedOffsetKey>(key, version));
    EndedOffsetEntry entry{.group = std::move(decoded.group),
                           .partition = {std::move(decoded.topic), decoded.partition},
                           .ended = std::nullopt};
    if (value) {
      OTTLA_TRY(entry.ended, decode_ended_offset_value(*value));
    }
    return LogEntry(std::move(entry));
  }
  if (version < 0)
    return fail(ErrorCode::CorruptMessage, "key of version " + std::to_string(version));
  return std::nullopt;
}

}  // namespace ottla::group
