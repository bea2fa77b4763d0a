#include "cli/transaction_record_text.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <boost/json.hpp>

#include "common/protocol/frame.h"
#include "common/protocol/messages/transaction_log.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

constexpr std::int16_t kNewestValue = 1;

/// By the number in the log; Kafka's names (KIP-98).
constexpr std::array<std::string_view, 8> kStates = {
    "Empty",          "Ongoing",       "PrepareCommit", "PrepareAbort",
    "CompleteCommit", "CompleteAbort", "Dead",          "PrepareEpochFence"};

std::string state_name(std::int8_t state) {
  const auto number = static_cast<std::size_t>(state);
  return state >= 0 && number < kStates.size() ? std::string(kStates.at(number))
                                               : "unknown(" + std::to_string(state) + ")";
}

template <class M>
Result<M> decode(ByteView bytes, std::int16_t newest) {
  if (bytes.size() < sizeof(std::int16_t)) return fail(ErrorCode::CorruptMessage);
  // A newer version is read as far as we know it.
  const auto version = std::min(load_big_endian<std::int16_t>(bytes.data()), newest);
  return protocol::decode<M>(bytes.subspan(sizeof(std::int16_t)), protocol::ApiVersion(version));
}

std::string value_text(ByteView bytes) {
  const auto value = decode<protocol::TransactionLogValue>(bytes, kNewestValue);
  if (!value) return "unknown value: " + value.error().describe();
  std::string partitions;
  if (value->transaction_partitions) {
    for (const auto& topic : *value->transaction_partitions) {
      for (const std::int32_t partition : topic.partition_ids) {
        if (!partitions.empty()) partitions += ',';
        partitions += topic.topic + "-" + std::to_string(partition);
      }
    }
  }
  return "producerId:" + std::to_string(value->producer_id.value()) +
         ",producerEpoch:" + std::to_string(value->producer_epoch.value()) +
         ",state=" + state_name(value->transaction_status) + ",partitions=[" + partitions +
         "],txnLastUpdateTimestamp=" + std::to_string(value->transaction_last_update_timestamp_ms) +
         ",txnTimeoutMs=" + std::to_string(value->transaction_timeout_ms);
}

json::object value_data(const protocol::TransactionLogValue& value, std::int16_t version) {
  json::value partitions;
  if (value.transaction_partitions) {
    json::array topics;
    for (const auto& topic : *value.transaction_partitions) {
      topics.push_back(
          {{"topic", topic.topic},
           {"partitionIds", json::array(topic.partition_ids.begin(), topic.partition_ids.end())}});
    }
    partitions = std::move(topics);
  }
  json::object data{
      {"producerId", value.producer_id.value()},
      {"producerEpoch", value.producer_epoch.value()},
      {"transactionTimeoutMs", value.transaction_timeout_ms},
      {"transactionStatus", value.transaction_status},
      {"transactionPartitions", std::move(partitions)},
      {"transactionLastUpdateTimestampMs", value.transaction_last_update_timestamp_ms},
      {"transactionStartTimestampMs", value.transaction_start_timestamp_ms}};
  if (version == 0) return data;
  // Tagged: those that are not there are not shown.
  if (value.previous_producer_id.value() != -1)
    data["previousProducerId"] = value.previous_producer_id.value();
  if (value.next_producer_id.value() != -1) data["nextProducerId"] = value.next_producer_id.value();
  if (value.client_transaction_version != 0)
    data["clientTransactionVersion"] = value.client_transaction_version;
  return data;
}

}  // namespace

TransactionRecordText transaction_record_text(std::optional<ByteView> key,
                                              std::optional<ByteView> value) {
  if (!key || key->size() < sizeof(std::int16_t)) return {"unknown", std::nullopt};
  const auto version = load_big_endian<std::int16_t>(key->data());
  const auto decoded = decode<protocol::TransactionLogKey>(*key, 0);
  if (version != 0 || !decoded) {
    return {"unknown::version=" + std::to_string(version), std::nullopt};
  }
  return {"transaction_metadata::transactionalId=" + decoded->transactional_id,
          value ? value_text(*value) : "<DELETE>"};
}

std::optional<json::object> transaction_record_json(std::optional<ByteView> key,
                                                    std::optional<ByteView> value) {
  if (!key || key->size() < sizeof(std::int16_t)) return std::nullopt;
  const auto version = load_big_endian<std::int16_t>(key->data());
  json::object shown_key{{"version", version}, {"data", "unknown"}};
  if (const auto decoded = decode<protocol::TransactionLogKey>(*key, 0); decoded && version == 0) {
    shown_key["data"] = json::object{{"transactionalId", decoded->transactional_id}};
  }
  json::value shown_value;
  if (value) {
    const bool has_version = value->size() >= sizeof(std::int16_t);
    const auto number =
        has_version ? load_big_endian<std::int16_t>(value->data()) : static_cast<std::int16_t>(-1);
    json::object object{{"version", number}, {"data", "unknown"}};
    if (const auto decoded = decode<protocol::TransactionLogValue>(*value, kNewestValue)) {
      object["data"] = value_data(*decoded, number);
    }
    shown_value = std::move(object);
  }
  return json::object{{"key", std::move(shown_key)}, {"value", std::move(shown_value)}};
}

std::string transaction_record_old_text(const json::object& key, const json::object* value) {
  const std::string id(key.at("transactionalId").as_string());
  if (value == nullptr) return id + "::NULL";
  const auto number = [&](std::string_view name) { return json::serialize(value->at(name)); };
  std::string partitions;
  if (const auto* topics = value->at("transactionPartitions").if_array()) {
    for (const auto& topic : *topics) {
      for (const auto& partition : topic.at("partitionIds").as_array()) {
        partitions += (partitions.empty() ? "" : ", ") +
                      std::string(topic.at("topic").as_string()) + "-" + json::serialize(partition);
      }
    }
  }
  const auto state = static_cast<std::int8_t>(value->at("transactionStatus").to_number<int>());
  return id + "::TransactionMetadata(transactionalId=" + id +
         ", producerId=" + number("producerId") + ", producerEpoch=" + number("producerEpoch") +
         ", txnTimeoutMs=" + number("transactionTimeoutMs") + ", state=" + state_name(state) +
         ", pendingState=None, topicPartitions=HashSet(" + partitions +
         "), txnStartTimestamp=" + number("transactionStartTimestampMs") +
         ", txnLastUpdateTimestamp=" + number("transactionLastUpdateTimestampMs") + ")";
}

}  // namespace ottla::cli
