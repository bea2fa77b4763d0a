#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/base/uuid.h"
#include "common/cluster/partition.h"
#include "simulation/cluster.h"
#include "simulation/logged_records.h"

namespace ottla::replica {
class Partition;
}

namespace ottla::simulation {

/// A partition of one life of a topic: a topic of the same name that is created later is another.
struct PartitionKey {
  TopicId topic;
  std::int32_t partition = 0;

  friend auto operator<=>(const PartitionKey&, const PartitionKey&) = default;
};

/// A replica as it is in a running process.
struct ReplicaPicture {
  BrokerId broker;
  std::uint64_t incarnation = 0;
  TopicPartition name;
  PartitionKey key;
  bool is_leader = false;
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  Offset high_watermark{0};
  /// In order of offsets.
  std::shared_ptr<const std::vector<LoggedRecord>> records;

  /// Null if the log does not hold the offset.
  [[nodiscard]] const LoggedRecord* record(Offset offset) const;
  [[nodiscard]] bool holds_all_of(const ReplicaPicture& other) const;
};

/// A partition's state in ZooKeeper, when it was written.
struct StateChange {
  TopicPartition name;
  PartitionKey key;
  cluster::PartitionState state;
  std::vector<BrokerId> replicas;
};

/// Where a partition's replicas are, when that was written to ZooKeeper.
struct AssignmentChange {
  PartitionKey key;
  std::vector<BrokerId> replicas;
};

/// What checkers look at: all replicas in memory and all that ZooKeeper holds, at one moment.
class Picture {
 public:
  explicit Picture(Cluster& cluster) : cluster_(cluster) {}

  /// Looks again.
  void refresh();
  /// At the replicas only.
  void refresh_replicas();

  [[nodiscard]] const std::vector<ReplicaPicture>& replicas() const { return replicas_; }
  /// The logs that no process serves, as their files hold them: it does not run, has not loaded
  /// them, or took them offline.
  [[nodiscard]] const std::vector<ReplicaPicture>& absent() const { return absent_; }
  /// The states that were written since the look before, oldest first.
  [[nodiscard]] const std::vector<StateChange>& changes() const { return changes_; }
  /// The assignments that were written since then, of partitions that had a state already.
  [[nodiscard]] const std::vector<AssignmentChange>& assignments() const { return assignments_; }
  /// The states that hold now, of topics that exist.
  [[nodiscard]] const std::map<PartitionKey, StateChange>& states() const { return states_; }
  /// Text for messages: "safe-a-0".
  [[nodiscard]] std::string name_of(const PartitionKey& key) const;
  /// The topic's name; empty if it was never seen.
  [[nodiscard]] std::string topic_of(const PartitionKey& key) const;
  /// Whether the topic of the key still exists.
  [[nodiscard]] bool exists(const PartitionKey& key) const { return states_.contains(key); }
  [[nodiscard]] Cluster& cluster() const { return cluster_; }

 private:
  struct KnownLog {
    std::uint64_t incarnation = 0;
    LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
    std::shared_ptr<const std::vector<LoggedRecord>> records;
  };
  /// What the files of a log held, and the records in it.
  struct KnownFiles {
    std::vector<std::string> segments;
    std::shared_ptr<const std::vector<LoggedRecord>> records;
  };

  void read_zookeeper();
  /// Of one life of a replica: one that was moved away and comes back begins anew.
  [[nodiscard]] std::uint64_t incarnation_of(const SimulatedBroker& broker,
                                             const std::shared_ptr<replica::Partition>& partition);
  void read_replicas(SimulatedBroker& broker);
  /// The logs on the broker's disk that are not among `replicas_`.
  void read_files(BrokerId broker);

  Cluster& cluster_;
  std::size_t transactions_read_ = 0;
  std::map<std::string, cluster::Topic> topics_;
  std::vector<StateChange> changes_;
  std::vector<AssignmentChange> assignments_;
  std::map<PartitionKey, StateChange> states_;
  std::map<PartitionKey, TopicPartition> names_;
  std::vector<ReplicaPicture> replicas_;
  std::vector<ReplicaPicture> absent_;
  struct Life {
    std::weak_ptr<replica::Partition> partition;
    std::uint64_t number = 0;
  };
  std::map<std::pair<BrokerId, PartitionKey>, Life> lives_;
  std::uint64_t last_life_ = 0;
  std::map<std::pair<BrokerId, PartitionKey>, KnownLog> logs_;
  std::map<std::pair<BrokerId, TopicPartition>, KnownFiles> files_;
};

}  // namespace ottla::simulation
