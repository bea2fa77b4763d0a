#pragma once

#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"

namespace ottla::replica {

/// The way to a transaction's coordinator, here or on another broker, with the question of KIP-890:
/// is this producer in a transaction that holds these partitions? A leader asks before the first
/// record of a transaction, so that no late record opens one that nobody would end (W26). For a
/// client of transaction version 2 the answer is made true instead: the partitions are added.
/// Implemented by broker/transaction. Thread: any; blocks nobody.
class TransactionVerifier {
 public:
  struct Question {
    std::string transactional_id{};
    ProducerId producer_id = kNoProducerId;
    ProducerEpoch producer_epoch = kNoProducerEpoch;
    std::vector<TopicPartition> partitions{};
    /// Those that are not in it become part of it: what clients of transaction version 2 leave to
    /// the leaders.
    bool adds = false;
  };
  virtual ~TransactionVerifier() = default;
  /// `done` comes once, on any thread, with one code for each partition, in order, as the
  /// coordinator's AddPartitionsToTxn v4 (verify only) says it: None, TransactionAbortable (not
  /// part of an ongoing transaction), InvalidProducerIdMapping, ProducerFenced,
  /// ConcurrentTransactions, CoordinatorLoadInProgress, NotCoordinator; CoordinatorNotAvailable
  /// when it is not known who that is, NetworkException when no answer came. The leader makes of
  /// them what producers understand.
  virtual void verify(Question question, Callback<std::vector<ErrorCode>> done) = 0;
};

}  // namespace ottla::replica
