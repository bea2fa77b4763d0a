#pragma once

#include <optional>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/cluster/partition.h"
#include "common/env/clock.h"
#include "controller/config.h"
#include "controller/election.h"

/// What the controller knows and decides by, told to people: `ottla explain`.
namespace ottla::controller {

struct ClusterModel;
struct PartitionEntry;
struct TopicEntry;

/// How the controller sees a broker. A broker that ZooKeeper does not know (any more) is
/// Unregistered, whatever else was known of it.
enum class BrokerPresence : std::uint8_t { Alive, Silent, ProcessDead, Unregistered };

struct BrokerHealth {
  BrokerId id;
  BrokerEpoch epoch = kUnknownBrokerEpoch;
  BrokerPresence presence = BrokerPresence::Unregistered;
  std::optional<env::Duration> since;  ///< For how long so; unset: since before this term.
  bool shutting_down = false;
  bool command_failed = false;  ///< The last command did not arrive; it is being repeated.
};

/// A replica as a candidate for leader.
struct ReplicaStanding {
  BrokerId broker;
  Standing standing = Standing::Unregistered;
  bool is_offline = false;  ///< Its log dir has failed: the standing is then ProcessDead.
};

/// The logs that are being asked for since no clean candidate is left (W1).
struct LogsAwaited {
  std::vector<BrokerId> asked;
  std::vector<BrokerId> answered;
  std::vector<BrokerId> awaited;  ///< See `awaited_logs`.
  env::Duration time_left{};      ///< Until it chooses among those that have answered.
};

struct PartitionStanding {
  TopicPartition partition;
  ErrorCode error = ErrorCode::None;  ///< UnknownTopicOrPartition
  cluster::Assignment assignment;
  std::optional<cluster::PartitionState> state;
  TopicRules rules;
  std::vector<ReplicaStanding> replicas;  ///< In the order of the assignment.
  std::optional<LogsAwaited> logs_awaited;
  std::optional<env::Duration> since;  ///< The state's age; unset: older than this term.
  bool is_being_deleted = false;
};

/// Everything of one answer. A broker that is not in office tells the first three only.
struct ControllerHealth {
  BrokerId controller = kNoBroker;  ///< Who is in office, as this broker last read it.
  bool zookeeper_connected = false;
  std::optional<env::Duration> zookeeper_since;
  bool active = false;
  ControllerEpoch controller_epoch;
  std::vector<BrokerHealth> brokers;  ///< Registered, and those that hold asked replicas.
  std::vector<PartitionStanding> partitions;
};

/// What speaks for the broker's replica of the partition as leader.
[[nodiscard]] Standing standing_of(const ClusterModel& model, const TopicPartition& name,
                                   const PartitionEntry& partition, BrokerId broker);

/// Without whose answer nobody is chosen by the logs, however long it takes (W1). What was
/// acknowledged may be left on any one of the members of the ISR, of the eligible leaders and of
/// those last known to be eligible; if all who answered have empty logs, on anybody; and who told
/// of a longer log and has gone away again has more. Nobody, if a leader is worth more than
/// records. `partition` must have a log query.
[[nodiscard]] std::vector<BrokerId> awaited_logs(const TopicEntry& topic,
                                                 const PartitionEntry& partition);

/// Fills in what the model knows: all brokers, and these partitions.
void describe_model(const ClusterModel& model, const std::vector<TopicPartition>& partitions,
                    env::MonotonicTime now, ControllerHealth& health);

}  // namespace ottla::controller
