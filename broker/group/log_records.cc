#include "broker/group/log_records.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

#include "common/protocol/frame.h"
#include "common/protocol/messages/group_log.h"
#include "common/protocol/reader.h"
#include "common/protocol/writer.h"

namespace ottla::group {
namespace {

using protocol::ApiVersion;
using protocol::GroupMetadataKey;
using protocol::GroupMetadataValue;
using protocol::OffsetCommitKey;
using protocol::OffsetCommitValue;

constexpr std::int16_t kOffsetKeyVersion = 1;
constexpr std::int16_t kGroupKeyVersion = 2;
constexpr std::int16_t kOffsetValueVersion = 3;
constexpr std::int16_t kExpiringOffsetValueVersion = 1;
constexpr std::int16_t kGroupValueVersion = 3;

/// The version in front, then the message. Errors: InvalidRequest, for a string that a flexible
/// request can carry and this form cannot.
template <class M>
Result<std::string> versioned(const M& message, std::int16_t version) {
  protocol::Writer out;
  out.write(version);
  OTTLA_TRY_VOID(message.encode(out, ApiVersion(version)));
  const Payload payload = out.finish();
  std::string bytes;
  bytes.reserve(payload.size());
  for (const PayloadPiece& piece : payload.pieces()) {
    bytes += as_text(std::get<MemoryRange>(piece).bytes);
  }
  return bytes;
}

Result<std::string> offset_key(const std::string& group, const TopicPartition& partition) {
  OffsetCommitKey key;
  key.group = group;
  key.topic = partition.topic;
  key.partition = partition.partition;
  return versioned(key, kOffsetKeyVersion);
}

Result<std::string> group_key(const std::string& group) {
  GroupMetadataKey key;
  key.group = group;
  return versioned(key, kGroupKeyVersion);
}

std::string text_of_bytes(ByteView bytes) {
  return std::string(as_text(bytes));
}

Result<std::int16_t> read_version(ByteView bytes) {
  if (bytes.size() < sizeof(std::int16_t)) {
    return fail(ErrorCode::CorruptMessage, "no version in front");
  }
  return load_big_endian<std::int16_t>(bytes.data());
}

template <class M>
Result<M> decode_versioned(ByteView bytes, std::int16_t version) {
  auto message = protocol::decode<M>(bytes.subspan(sizeof(std::int16_t)), ApiVersion(version));
  if (!message) return fail(ErrorCode::CorruptMessage, message.error().describe());
  return *std::move(message);
}

Result<CommittedOffset> decode_offset_value(ByteView bytes) {
  OTTLA_TRY(const std::int16_t version, read_version(bytes));
  OTTLA_TRY(auto value, decode_versioned<OffsetCommitValue>(bytes, version));
  CommittedOffset committed;
  committed.offset = value.offset;
  committed.leader_epoch = value.leader_epoch;
  committed.metadata = std::move(value.metadata);
  committed.commit_time = value.commit_timestamp;
  if (value.expire_timestamp != -1) committed.expire_time = value.expire_timestamp;
  return committed;
}

Result<GroupImage> decode_group_value(ByteView bytes) {
  OTTLA_TRY(const std::int16_t version, read_version(bytes));
  OTTLA_TRY(auto value, decode_versioned<GroupMetadataValue>(bytes, version));
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

/// Calls `unit` for each UTF-16 unit; what is no UTF-8 counts as one unit for each byte.
template <class F>
void for_each_utf16_unit(std::string_view text, F unit) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(i);
    std::size_t length = 1;
    std::uint32_t code = first;
    if (first >= 0xF0) {
      length = 4;
      code = first & 0x07u;
    } else if (first >= 0xE0) {
      length = 3;
      code = first & 0x0Fu;
    } else if (first >= 0xC0) {
      length = 2;
      code = first & 0x1Fu;
    }
    if (i + length > text.size()) {
      length = 1;
      code = first;
    }
    for (std::size_t k = 1; k < length; ++k) code = (code << 6) | (byte(i + k) & 0x3Fu);
    i += length;
    if (code >= 0x10000) {
      code -= 0x10000;
      unit(static_cast<std::uint16_t>(0xD800 + (code >> 10)));
      unit(static_cast<std::uint16_t>(0xDC00 + (code & 0x3FF)));
    } else {
      unit(static_cast<std::uint16_t>(code));
    }
  }
}

}  // namespace

std::int32_t java_hash(std::string_view utf8) {
  std::uint32_t hash = 0;
  for_each_utf16_unit(utf8, [&](std::uint16_t unit) { hash = hash * 31 + unit; });
  return static_cast<std::int32_t>(hash);
}

std::size_t java_length(std::string_view utf8) {
  std::size_t units = 0;
  for_each_utf16_unit(utf8, [&](std::uint16_t) { ++units; });
  return units;
}

std::int32_t partition_of(std::string_view group, std::int32_t partitions) {
  const std::int32_t hash = java_hash(group);
  if (hash == std::numeric_limits<std::int32_t>::min()) return 0;
  return std::abs(hash) % partitions;
}

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
  OTTLA_TRY(record.value, versioned(value, committed.expire_time ? kExpiringOffsetValueVersion
                                                                 : kOffsetValueVersion));
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
  OTTLA_TRY(record.value, versioned(value, kGroupValueVersion));
  return record;
}

Result<LogRecord> group_tombstone(const std::string& group) {
  OTTLA_TRY(std::string key, group_key(group));
  return LogRecord{std::move(key), std::nullopt};
}

Result<std::optional<LogEntry>> decode_entry(ByteView key, std::optional<ByteView> value) {
  OTTLA_TRY(const std::int16_t version, read_version(key));
  if (version == 0 || version == kOffsetKeyVersion) {
    OTTLA_TRY(auto decoded, decode_versioned<OffsetCommitKey>(key, version));
    OffsetEntry entry{.group = std::move(decoded.group),
                      .partition = {std::move(decoded.topic), decoded.partition},
                      .committed = std::nullopt};
    if (value) {
      OTTLA_TRY(entry.committed, decode_offset_value(*value));
    }
    return LogEntry(std::move(entry));
  }
  if (version == kGroupKeyVersion) {
    OTTLA_TRY(auto decoded, decode_versioned<GroupMetadataKey>(key, version));
    GroupEntry entry{.group = std::move(decoded.group), .image = std::nullopt};
    if (value) {
      OTTLA_TRY(entry.image, decode_group_value(*value));
    }
    return LogEntry(std::move(entry));
  }
  if (version < 0)
    return fail(ErrorCode::CorruptMessage, "key of version " + std::to_string(version));
  return std::nullopt;
}

}  // namespace ottla::group
