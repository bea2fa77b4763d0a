#pragma once

#include <cstdint>
#include <vector>

#include "broker/replica/append.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"

namespace ottla::replica {

/// The end of one producer's transaction, to be written to partitions that this broker leads
/// (KIP-98: WriteTxnMarkers).
struct TransactionMarker {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  /// Leader epoch of the coordinator's partition of __transaction_state; -1 from an operator who
  /// ends a hanging transaction.
  std::int32_t coordinator_epoch = -1;
  bool is_commit = false;
  std::vector<TopicPartition> partitions;
};

/// Hears of ended transactions: what the group coordinator shows the offsets of a transaction by.
/// Called once the in-sync replicas have the marker and before who wrote it is told, on any thread,
/// possibly out of the order of the markers: `marker_offset` tells which records it ended.
/// Thread: any.
class TransactionEndListener {
 public:
  virtual ~TransactionEndListener() = default;
  virtual void on_transaction_ended(const TopicPartition& partition, ProducerId producer_id,
                                    bool is_commit, Offset marker_offset) = 0;
};

/// The append of a marker, as acks=all: a control batch for each partition.
[[nodiscard]] AppendRequest marker_append(const TransactionMarker& marker, env::WallTimeMs now,
                                          env::Duration timeout);

}  // namespace ottla::replica
