#pragma once

#include <cstdint>
#include <limits>
#include <set>

#include "broker/transaction/transaction_state.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"

namespace ottla::transaction {

/// The last epoch that a producer is given; the next one is for fencing it.
inline constexpr ProducerEpoch kLastProducerEpoch{std::numeric_limits<std::int16_t>::max() - 1};

[[nodiscard]] constexpr bool is_exhausted(ProducerEpoch epoch) {
  return epoch >= kLastProducerEpoch;
}

/// A transactional id as it stands in the log.
struct TransactionImage {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  std::int32_t timeout_ms = 0;
  TransactionState state = TransactionState::Empty;
  std::set<TopicPartition> partitions{};
  env::WallTimeMs last_update = -1;
  env::WallTimeMs start_time = -1;

  // Only in values of version 1, and there only if set.

  /// The id before the last one, whose epochs were used up.
  ProducerId previous_producer_id = kNoProducerId;
  /// The id that this transaction's end goes over to, since the epochs of the old one are used up.
  ProducerId next_producer_id = kNoProducerId;
  /// The end raised the epoch (KIP-890, transaction version 2).
  bool epoch_rose_at_end = false;

  // Not in the log.

  /// The epoch before the last InitProducerId of a recovering client: it may ask again (KIP-360).
  ProducerEpoch last_producer_epoch = kNoProducerEpoch;

  friend bool operator==(const TransactionImage&, const TransactionImage&) = default;
};

}  // namespace ottla::transaction
