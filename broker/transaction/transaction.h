#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "broker/transaction/coordinator_core.h"

namespace ottla::transaction {

/// One transactional id in memory.
struct CoordinatorCore::Transaction {
  std::string id;
  std::int32_t shard = 0;
  TransactionImage image{};  ///< As the log's committed records have it.
  /// What has been appended, or may have been: nothing else is appended before it is decided.
  std::optional<TransactionImage> pending{};
  /// An append of `pending` has had an unknown outcome: from then on there is no way back.
  bool may_be_written = false;
  /// Partitions that still want their marker, while the transaction ends.
  std::set<TopicPartition> unmarked{};
  /// The newest connection that its producer has used.
  ConnectionTime newest_connection = kNoConnection;
  bool is_forgotten = false;  ///< Another broker's, or expired.

  /// Requests that wait until it is not busy any more, in the order of their arrival.
  std::map<std::uint64_t, Waiting> waiting{};
  std::uint64_t last_turn = 0;

  std::optional<env::TimerQueue::Key> retry_timer{};
  std::int32_t retries = 0;  ///< Since the last step that went well.

  [[nodiscard]] env::Duration next_back_off() {
    constexpr std::chrono::milliseconds kFirst{10};
    constexpr std::int32_t kMostDoublings = 6;
    return kFirst * (1 << std::min(retries++, kMostDoublings));
  }
};

}  // namespace ottla::transaction
