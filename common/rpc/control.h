#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/uuid.h"
#include "common/cluster/broker.h"
#include "common/cluster/partition.h"

/// The control plane's messages: what controller and brokers say to each other. Over gRPC they are
/// proto/ottla/control.proto; towards a Kafka broker they become Kafka's inter-broker requests.
namespace ottla::rpc {

struct PartitionUpdate {
  std::int32_t partition = 0;
  cluster::Assignment assignment;
  cluster::PartitionState state;
  /// The partition was just created: an empty log is right (KIP-497's isNew).
  bool is_new = false;
  /// It was created since the receiver registered: its process has never heard of it, if it has no
  /// log, and cannot have lost one.
  bool created_since = false;
};

struct TopicUpdate {
  std::string name;
  TopicId id;
  std::vector<PartitionUpdate> partitions;
};

/// One replica to be given up. `remove` deletes its log. Carries the topic id, so that a stale
/// command never deletes a newer topic's data (KIP-516, W13).
struct StopReplica {
  std::string topic;
  TopicId topic_id;
  std::int32_t partition = 0;
  LeaderEpoch leader_epoch;
  bool remove = false;
};

/// Everything the controller has to tell one broker, in one message: Kafka's LeaderAndIsr,
/// UpdateMetadata and StopReplica. Updates are deltas, in order, numbered by the sender's queue;
/// the first to a broker (and after any failed delivery) is `full` and replaces what the broker
/// knew.
struct ClusterUpdate {
  BrokerId controller;
  ControllerEpoch controller_epoch;
  BrokerEpoch receiver_epoch;  ///< The registration it is meant for (KIP-380).
  /// Rises with each update that a controller sends in its epoch: one that was held up on its way
  /// must not undo what a later one brought.
  std::uint64_t number = 0;
  bool full = false;
  std::optional<std::vector<cluster::Broker>>
      live_brokers;  ///< Set when it changed, and when full.
  std::vector<TopicUpdate> topics;
  std::vector<TopicUpdate> deleted_topics;  ///< Name and id; partitions stay empty.
  std::vector<StopReplica> stop_replicas;
  /// Whatever followed from how the receiver's last process stopped is in ZooKeeper: after a host
  /// crash it need not be said again by the next registration (W1).
  bool last_stop_settled = false;
  /// Some topics' znodes could not be understood: that one is missing here proves nothing.
  bool incomplete = false;
  /// With it the receiver has been told all that its controller knows of the cluster, and nothing
  /// of that could not be understood: what it does not know now is not there.
  bool is_all = false;
};

struct PartitionOutcome {
  std::string topic;
  TopicId topic_id;
  std::int32_t partition = 0;
  ErrorCode error = ErrorCode::None;
  /// The state trusts this replica, and it has no log: no role is taken until the state says that
  /// it is in doubt (W1).
  bool log_is_lost = false;
};

/// `error`: StaleControllerEpoch, StaleBrokerEpoch, InvalidUpdateVersion, or None. `outcomes` has
/// only what did not work (KafkaStorageError for a replica whose log dir is offline) and the
/// outcome of each StopReplica.
struct ClusterUpdateReply {
  ErrorCode error = ErrorCode::None;
  std::vector<PartitionOutcome> outcomes;
};

struct IsrMember {
  BrokerId broker;
  BrokerEpoch broker_epoch = kUnknownBrokerEpoch;  ///< KIP-903
  friend bool operator==(const IsrMember&, const IsrMember&) = default;
};

struct AlterPartition {
  std::string topic;
  TopicId topic_id;
  std::int32_t partition = 0;
  LeaderEpoch leader_epoch;
  PartitionEpoch partition_epoch;
  std::vector<IsrMember> new_isr;
};

/// A leader asks for other ISRs (KIP-497). One request is in flight for each partition.
struct AlterPartitionRequest {
  BrokerId broker;
  BrokerEpoch broker_epoch;
  std::vector<AlterPartition> partitions;
};

struct AlterPartitionOutcome {
  std::string topic;
  TopicId topic_id;
  std::int32_t partition = 0;
  ErrorCode error = ErrorCode::None;
  cluster::PartitionState state;  ///< The state that holds now, when `error` is None.
};

struct AlterPartitionReply {
  ErrorCode error = ErrorCode::None;
  std::vector<AlterPartitionOutcome> partitions;
};

struct ControlledShutdownRequest {
  BrokerId broker;
  BrokerEpoch broker_epoch;
};
struct ControlledShutdownReply {
  ErrorCode error = ErrorCode::None;
  std::vector<PartitionOutcome> remaining;  ///< Partitions it still leads.
};

struct AllocateProducerIdsRequest {
  BrokerId broker;
  BrokerEpoch broker_epoch;
};
struct AllocateProducerIdsReply {
  ErrorCode error = ErrorCode::None;
  ProducerId first;
  std::int32_t count = 0;
};

/// A broker says which of its replicas lie in log dirs that are slow just now, or have no room for
/// clients' records: all of them, each time, so that the last report alone counts (W10, KIP-501).
struct SlowReplicasReport {
  BrokerId broker;
  BrokerEpoch broker_epoch;
  struct Replica {
    std::string topic;
    TopicId topic_id;
    std::int32_t partition = 0;

    friend bool operator==(const Replica&, const Replica&) = default;
  };
  std::vector<Replica> replicas;
  /// Counts the reports of a registration: one that is late does not undo what was said after it.
  /// Zero: the broker does not count.
  std::uint64_t number = 0;
};
struct SlowReplicasReply {
  ErrorCode error = ErrorCode::None;
};

/// Asks a replica how far its log goes, when no clean candidate for leader is left (W1).
struct ReplicaLogQuery {
  ControllerEpoch controller_epoch;
  BrokerEpoch receiver_epoch;
  struct Partition {
    std::string topic;
    TopicId topic_id;
    std::int32_t partition = 0;
    LeaderEpoch leader_epoch = kUnknownLeaderEpoch;  ///< A leader that is chosen has a later one.
  };
  std::vector<Partition> partitions;
};
struct ReplicaLogAnswer {
  ErrorCode error = ErrorCode::None;
  struct Partition {
    std::string topic;
    std::int32_t partition = 0;
    ErrorCode error = ErrorCode::None;
    LeaderEpoch last_epoch = kUnknownLeaderEpoch;
    Offset log_end_offset;
  };
  std::vector<Partition> partitions;
};

}  // namespace ottla::rpc
