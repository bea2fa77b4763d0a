#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/id.h"
#include "common/base/uuid.h"

namespace ottla::cluster {

[[nodiscard]] inline bool contains(const std::vector<BrokerId>& brokers, BrokerId broker) {
  return std::find(brokers.begin(), brokers.end(), broker) != brokers.end();
}

/// Which brokers hold a partition; the first one is the preferred leader. While a reassignment is
/// under way, `replicas` has the old and the new ones (KIP-455).
struct Assignment {
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> adding;
  std::vector<BrokerId> removing;

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

/// Replicas that are to be in sync: those that a reassignment adds need not be yet (KIP-352).
[[nodiscard]] inline std::size_t replication_factor(const Assignment& assignment) {
  return static_cast<std::size_t>(
      std::count_if(assignment.replicas.begin(), assignment.replicas.end(),
                    [&](BrokerId broker) { return !contains(assignment.adding, broker); }));
}

/// The znode .../partitions/P/state. Only the controller writes it.
struct PartitionState {
  BrokerId leader = kNoBroker;
  LeaderEpoch leader_epoch;
  std::vector<BrokerId> isr;
  ControllerEpoch controller_epoch;
  /// RECOVERING after an unclean election (KIP-704).
  bool recovering = false;
  /// Members that left the ISR when it was at or below min.insync.replicas and hold every committed
  /// record (eligible leader replicas, KIP-966). Ottla's own key in the JSON; Kafka ignores it.
  std::vector<BrokerId> eligible_leaders;
  /// Those that were members or eligible, and lost records since, with their host or with a log:
  /// they may miss committed ones, and may be the only ones that still have others (KIP-966's
  /// LastKnownElr). While nobody leads they may be in the ISR as well: its last members stay there.
  /// Ottla's own key as well.
  std::vector<BrokerId> last_known_eligible_leaders;
  /// zkVersion of the znode; not in the JSON.
  PartitionEpoch partition_epoch;
  /// When the znode was created, as its czxid: brokers' epochs are of the same kind. 0 where it was
  /// not read; not in the JSON.
  std::int64_t created_zxid = 0;

  [[nodiscard]] bool in_isr(BrokerId broker) const { return contains(isr, broker); }
  [[nodiscard]] bool is_eligible(BrokerId broker) const {
    return contains(eligible_leaders, broker);
  }
  [[nodiscard]] bool is_last_known(BrokerId broker) const {
    return contains(last_known_eligible_leaders, broker);
  }
  /// Whether anything speaks for it to have committed records that perhaps nobody else has.
  [[nodiscard]] bool may_hold_committed(BrokerId broker) const {
    return in_isr(broker) || is_eligible(broker) || is_last_known(broker);
  }
  /// Whether its copy is taken to have every committed record.
  [[nodiscard]] bool is_trusted(BrokerId broker) const {
    return (in_isr(broker) || is_eligible(broker)) && !is_last_known(broker);
  }

  /// Whether both say the same, whenever they were created.
  friend bool operator==(const PartitionState& a, const PartitionState& b) {
    const auto content = [](const PartitionState& state) {
      return std::tie(state.leader, state.leader_epoch, state.isr, state.controller_epoch,
                      state.recovering, state.eligible_leaders, state.last_known_eligible_leaders,
                      state.partition_epoch);
    };
    return content(a) == content(b);
  }
};

/// A topic as /brokers/topics/T tells it; the index in `partitions` is the partition's number.
struct Topic {
  std::string name;
  TopicId id;
  std::vector<Assignment> partitions;

  friend bool operator==(const Topic&, const Topic&) = default;
};

}  // namespace ottla::cluster
