#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/group/group_state.h"
#include "broker/group/log_records.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"

namespace ottla::group {

/// The protocol type of the consumers' groups: the only one whose subscriptions we understand.
inline constexpr const char* kConsumerProtocolType = "consumer";

/// An offset and where in the log it stands: with two for one partition the later record counts,
/// also when it became visible first (a transaction's are visible when it ends).
struct StoredOffset {
  CommittedOffset committed;
  Offset log_offset = kUnknownOffset;
};

/// What offset expiry depends on besides the offsets (KIP-211).
struct ExpiryRules {
  GroupState state = GroupState::Empty;
  std::optional<std::string> protocol_type;
  std::optional<env::WallTimeMs> state_time;
  /// Nullopt: not known, and then nothing of a group with members expires.
  std::optional<std::set<std::string>> subscribed_topics;
  env::WallTimeMs now = 0;
  std::chrono::milliseconds retention{};
};

/// The offsets of one group: those that count, those on their way into the log, and those of
/// transactions that are still open. Thread: one.
class OffsetTable {
 public:
  [[nodiscard]] const StoredOffset* find(const TopicPartition& partition) const;
  [[nodiscard]] const std::map<TopicPartition, StoredOffset>& committed() const {
    return committed_;
  }
  /// Nothing is committed, on its way, or in an open transaction.
  [[nodiscard]] bool empty() const {
    return committed_.empty() && on_their_way_.empty() && transactions_.empty();
  }
  /// Whether an open transaction commits an offset for it (UNSTABLE_OFFSET_COMMIT, KIP-447).
  [[nodiscard]] bool is_unstable(const TopicPartition& partition) const;

  /// A commit goes into the log, and comes out of it with its offset there, or fails. One that was
  /// removed meanwhile is not brought back: its tombstone stands behind it.
  using Ticket = std::uint64_t;
  [[nodiscard]] Ticket begin(const TopicPartition& partition);
  void succeed(const TopicPartition& partition, Ticket ticket, StoredOffset stored);
  void abandon(const TopicPartition& partition, Ticket ticket) { take(partition, ticket); }

  /// The same inside a transaction (KIP-98): it counts when the transaction commits.
  [[nodiscard]] Ticket begin_transactional(ProducerId producer, const TopicPartition& partition);
  void succeed_transactional(ProducerId producer, const TopicPartition& partition, Ticket ticket,
                             StoredOffset stored);
  void abandon_transactional(ProducerId producer, Ticket ticket);
  /// What was read from the log.
  void add_transactional(ProducerId producer, const TopicPartition& partition, StoredOffset stored);
  /// The producer's marker at `marker` in the log decides what stands below it: also what has not
  /// come out of the log here yet.
  void end_transaction(ProducerId producer, bool commit, Offset marker);
  [[nodiscard]] bool has_transaction(ProducerId producer) const {
    return transactions_.contains(producer);
  }
  /// What came out of the log in transactions that are open.
  [[nodiscard]] std::map<ProducerId, std::map<TopicPartition, StoredOffset>> open_transactions()
      const;

  /// Puts what was read from the log.
  void load(const TopicPartition& partition, StoredOffset stored) {
    committed_[partition] = std::move(stored);
  }
  /// Forgets an offset, on its way and in transactions too. Whether there was one.
  bool remove(const TopicPartition& partition);
  /// Every partition that has an offset, or will have one.
  [[nodiscard]] std::set<TopicPartition> partitions() const;

  [[nodiscard]] std::vector<TopicPartition> expired(const ExpiryRules& rules) const;

 private:
  struct Marker {
    Offset at;
    bool is_commit = false;
  };
  struct Transaction {
    std::map<TopicPartition, StoredOffset> stored{};
    std::map<Ticket, TopicPartition> on_their_way{};
    /// Heard while offsets were on their way: they may stand before the marker.
    std::vector<Marker> ended{};
  };

  /// Whether the ticket was still good.
  bool take(const TopicPartition& partition, Ticket ticket);
  void commit_newer(const TopicPartition& partition, StoredOffset stored);
  void forget_if_over(ProducerId producer);

  std::map<TopicPartition, StoredOffset> committed_;
  std::map<TopicPartition, std::set<Ticket>> on_their_way_;
  Ticket last_ticket_ = 0;
  std::map<ProducerId, Transaction> transactions_;
};

}  // namespace ottla::group
