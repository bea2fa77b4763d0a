#include "cli/transaction_record_text.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/protocol/frame.h"
#include "common/protocol/messages/transaction_log.h"

namespace ottla::cli {
namespace {

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

}  // namespace ottla::cli
