#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/log_types.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/record/validation.h"

namespace ottla::replica {

/// When an append is answered: at once, when the leader has it, or when the whole ISR has it.
enum class Acks : std::int8_t { All = -1, None = 0, Leader = 1 };

/// Nullopt for a number that Produce answers with InvalidRequiredAcks.
[[nodiscard]] constexpr std::optional<Acks> acks_from(std::int16_t number) {
  if (number < -1 || number > 1) return std::nullopt;
  return static_cast<Acks>(number);
}

struct AppendRequest {
  struct Partition {
    TopicPartition partition;
    /// As the client sent them; offsets and epochs are patched in place.
    MutableByteView records;
    /// Set by coordinators that must not append under another epoch than they were elected for.
    std::optional<LeaderEpoch> expected_epoch;
    /// Of transactional records that were verified (`Replicas::verify_transaction`).
    std::optional<storage::VerificationToken> verified = std::nullopt;
  };
  std::vector<Partition> partitions;
  std::shared_ptr<const void> owner;  ///< Keeps the records' memory alive.
  Acks acks = Acks::All;
  env::Duration timeout{};  ///< acks=all: RequestTimedOut after it. The records stay.
  record::AppendOrigin origin = record::AppendOrigin::Client;
  /// __consumer_offsets and __transaction_state refuse clients with InvalidTopicException.
  bool internal_topics_allowed = false;
};

struct AppendedPartition {
  TopicPartition partition;
  ErrorCode error = ErrorCode::None;
  std::string message;  ///< For people; may be empty.
  Offset base_offset = kUnknownOffset;
  std::int64_t log_append_time = -1;
  Offset log_start_offset = kUnknownOffset;
  std::vector<record::RecordError> record_errors;  ///< KIP-467
};

/// In the order of the request's partitions.
using AppendResult = std::vector<AppendedPartition>;

}  // namespace ottla::replica
