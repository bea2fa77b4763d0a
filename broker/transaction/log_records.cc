#include "broker/transaction/log_records.h"

#include <utility>

#include "common/protocol/messages/transaction_log.h"
#include "common/protocol/versioned_bytes.h"
#include "common/record/record_batch_builder.h"

namespace ottla::transaction {
namespace {

using protocol::TransactionLogKey;
using protocol::TransactionLogValue;

constexpr std::int16_t kKeyVersion = 0;
constexpr std::int16_t kValueVersion = 0;
constexpr std::int16_t kFlexibleValueVersion = 1;
/// KIP-890's number for an epoch that rises at the end of each transaction.
constexpr std::int16_t kEpochBumpVersion = 2;

Result<std::string> key_of(const std::string& transactional_id) {
  TransactionLogKey key;
  key.transactional_id = transactional_id;
  return protocol::encode_versioned(key, kKeyVersion);
}

std::int16_t value_version(const TransactionImage& image) {
  // Without such transactions the log stays one that a Kafka 3.9 writes.
  const bool needs_tags = image.epoch_rose_at_end || image.next_producer_id != kNoProducerId;
  return needs_tags ? kFlexibleValueVersion : kValueVersion;
}

/// By topic, as Kafka has them; an Empty one has no list, not an empty one.
std::optional<std::vector<TransactionLogValue::TransactionPartition>> partitions_of(
    const TransactionImage& image) {
  if (image.state == TransactionState::Empty) return std::nullopt;
  std::vector<TransactionLogValue::TransactionPartition> topics;
  for (const TopicPartition& partition : image.partitions) {
    if (topics.empty() || topics.back().topic != partition.topic) {
      topics.emplace_back().topic = partition.topic;
    }
    topics.back().partition_ids.push_back(partition.partition);
  }
  return topics;
}

Result<TransactionImage> decode_value(ByteView bytes) {
  OTTLA_TRY(const std::int16_t version, protocol::version_of(bytes));
  OTTLA_TRY(const auto value, protocol::decode_versioned<TransactionLogValue>(bytes, version));
  TransactionImage image;
  image.producer_id = value.producer_id;
  image.producer_epoch = value.producer_epoch;
  image.timeout_ms = value.transaction_timeout_ms;
  if (value.transaction_status < 0 ||
      value.transaction_status > static_cast<std::int8_t>(TransactionState::PrepareEpochFence)) {
    return fail(ErrorCode::CorruptMessage,
                "state " + std::to_string(value.transaction_status) + " of a transaction");
  }
  image.state = static_cast<TransactionState>(value.transaction_status);
  if (value.transaction_partitions) {
    for (const auto& topic : *value.transaction_partitions) {
      for (const std::int32_t partition : topic.partition_ids) {
        image.partitions.insert({topic.topic, partition});
      }
    }
  }
  image.last_update = value.transaction_last_update_timestamp_ms;
  image.start_time = value.transaction_start_timestamp_ms;
  image.previous_producer_id = value.previous_producer_id;
  image.next_producer_id = value.next_producer_id;
  image.epoch_rose_at_end = value.client_transaction_version >= kEpochBumpVersion;
  return image;
}

}  // namespace

Result<LogRecord> transaction_record(const std::string& transactional_id,
                                     const TransactionImage& image) {
  TransactionLogValue value;
  value.producer_id = image.producer_id;
  value.producer_epoch = image.producer_epoch;
  value.transaction_timeout_ms = image.timeout_ms;
  value.transaction_status = static_cast<std::int8_t>(image.state);
  value.transaction_partitions = partitions_of(image);
  value.transaction_last_update_timestamp_ms = image.last_update;
  value.transaction_start_timestamp_ms = image.start_time;
  value.previous_producer_id = image.previous_producer_id;
  value.next_producer_id = image.next_producer_id;
  if (image.epoch_rose_at_end) value.client_transaction_version = kEpochBumpVersion;
  LogRecord record;
  OTTLA_TRY(record.key, key_of(transactional_id));
  OTTLA_TRY(record.value, protocol::encode_versioned(value, value_version(image)));
  return record;
}

Result<LogRecord> transaction_tombstone(const std::string& transactional_id) {
  OTTLA_TRY(std::string key, key_of(transactional_id));
  return LogRecord{std::move(key), std::nullopt};
}

Result<std::optional<LogEntry>> decode_entry(ByteView key, std::optional<ByteView> value) {
  OTTLA_TRY(const std::int16_t version, protocol::version_of(key));
  if (version < 0) {
    return fail(ErrorCode::CorruptMessage, "key of version " + std::to_string(version));
  }
  if (version != kKeyVersion) return std::nullopt;
  OTTLA_TRY(auto decoded, protocol::decode_versioned<TransactionLogKey>(key, version));
  LogEntry entry{.transactional_id = std::move(decoded.transactional_id), .image = std::nullopt};
  if (value) {
    OTTLA_TRY(entry.image, decode_value(*value));
  }
  return entry;
}

Result<SharedBuffer> build_batch(const std::vector<LogRecord>& records, env::WallTimeMs now) {
  record::RecordBatchBuilder builder({});
  for (const LogRecord& record : records) {
    std::optional<ByteView> value;
    if (record.value) value = as_bytes(*record.value);
    builder.append(now, as_bytes(record.key), value);
  }
  return builder.build();
}

}  // namespace ottla::transaction
