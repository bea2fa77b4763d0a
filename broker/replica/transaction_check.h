#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/log_types.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"

namespace ottla::replica {

/// Records of one producer's transaction that a client wants to append.
struct TransactionCheck {
  struct Partition {
    TopicPartition partition{};
    std::int32_t base_sequence = -1;
  };
  std::string transactional_id{};
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  /// The client knows TransactionAbortable (Produce v11, TxnOffsetCommit v4); others hear
  /// InvalidTxnState.
  bool knows_abortable = false;
  /// The client leaves it to us to add the partitions (Produce v12, TxnOffsetCommit v5: transaction
  /// version 2).
  bool adds = false;
  std::vector<Partition> partitions{};
};

/// In the order of the check's partitions. Errors: those of the coordinator, and before it is asked
/// UnknownTopicOrPartition, NotLeaderOrFollower, KafkaStorageError.
struct VerifiedPartition {
  ErrorCode error = ErrorCode::None;
  /// Goes with the append; nullopt: transactions are not verified.
  std::optional<storage::VerificationToken> token{};
};

/// What a producer is told: of a coordinator that cannot answer now, something that every producer
/// tries again (NotEnoughReplicas), since Produce does not speak of coordinators. One of
/// transaction version 2 knows ConcurrentTransactions.
[[nodiscard]] constexpr ErrorCode produce_error(ErrorCode of_verification, bool adds) {
  switch (of_verification) {
    case ErrorCode::ConcurrentTransactions:
      return adds ? of_verification : ErrorCode::NotEnoughReplicas;
    case ErrorCode::OperationNotAttempted:  // of another partition it is not known yet
    case ErrorCode::CoordinatorLoadInProgress:
    case ErrorCode::CoordinatorNotAvailable:
    case ErrorCode::NotCoordinator:
    case ErrorCode::NetworkException:
      return ErrorCode::NotEnoughReplicas;
    default:
      return of_verification;
  }
}

}  // namespace ottla::replica
