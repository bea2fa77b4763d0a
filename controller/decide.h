#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/error.h"
#include "common/cluster/broker.h"
#include "common/cluster/partition.h"
#include "common/env/clock.h"
#include "common/rpc/control.h"
#include "common/rpc/peer.h"
#include "controller/model.h"

/// The controller's decisions, without I/O, clock or threads. Events in; writes, commands and
/// answers out. Facts (a broker registered, a state was committed) go into the model at once;
/// intentions only leave it as writes, whose outcomes come back as events. So the model never
/// holds what ZooKeeper does not, and no broker hears of it before.
namespace ottla::controller {

// ---- What may happen ----

/// A topic as read from ZooKeeper. `states` is by partition; a missing znode is nullopt.
struct TopicRead {
  cluster::Topic topic;
  std::int32_t version = 0;
  TopicRules rules;
  std::vector<std::optional<cluster::PartitionState>> states;
  TopicId fresh_id;   ///< Random; used if the topic is new and its znode has no id.
  TopicId lost_id{};  ///< The id that an old tool has taken out of its znode, if it is known (W5).
};

struct LivenessChanged {
  BrokerId broker;
  BrokerEpoch broker_epoch;
  rpc::Liveness liveness = rpc::Liveness::Alive;
};
/// The first that a new controller reads: brokers and topics, but not the partitions' states, which
/// are as many as all the rest many times over. What is in `states` was told to this broker by the
/// last controller, and may be outdated. What is `judged` already was found by whoever took the
/// office.
struct ClusterOutlined {
  std::vector<cluster::Broker> brokers;
  std::vector<TopicRead> topics;
  std::vector<std::string> topics_to_delete;  ///< Nothing is told of these any more.
  std::vector<LivenessChanged> judged;
};
/// Everything in ZooKeeper, read by a new controller (W19).
struct ClusterRead {
  std::vector<cluster::Broker> brokers;
  std::vector<TopicRead> topics;
  std::vector<std::string> topics_to_delete;
  bool incomplete = false;  ///< Some nodes could not be understood, and are left out.
};

/// All registrations. What is missing is gone; a new epoch is a restart.
struct BrokersRead {
  std::vector<cluster::Broker> brokers;
};
/// New or changed topics (without states), and the names of all topics that exist.
struct TopicsRead {
  std::vector<TopicRead> topics;
  std::optional<std::vector<std::string>> all;
};
struct TopicRulesRead {
  std::string topic;
  TopicRules rules;
};
/// Children of /admin/delete_topics.
struct DeletionRequested {
  std::vector<std::string> topics;
};
/// The preferred leaders of these partitions shall lead, where they can.
struct PreferredLeadersWanted {
  std::vector<TopicPartition> partitions;
};
/// The same for the partitions of each broker that leads too few of those that prefer it: more than
/// this share of them is led by others.
struct LeadersToBeBalanced {
  std::int32_t percentage = 10;
};
/// ElectLeaders: of these partitions, or of all that need it.
struct ElectionRequested {
  RequestId request;
  ElectionKind kind = ElectionKind::Preferred;
  std::optional<std::vector<TopicPartition>> partitions;
  env::MonotonicTime deadline{};  ///< What is not done by then is answered with RequestTimedOut.
};
/// AlterPartitionReassignments (KIP-455): answered once the topics' znodes say what is wanted.
struct ReassignmentRequested {
  RequestId request;
  std::vector<WantedReplicas> partitions;
  env::MonotonicTime deadline{};
};
/// /admin/reassign_partitions, the way of old tools: all that stands in it.
struct ReassignmentsRead {
  std::vector<WantedReplicas> partitions;
  bool exists = true;  ///< The znode, be it that nothing stands in it.
};
struct AlterPartitionRequested {
  RequestId request;
  rpc::AlterPartitionRequest body;
};
struct ShutdownRequested {
  RequestId request;
  rpc::ControlledShutdownRequest body;
};
/// A broker told which of its replicas are slow.
struct SlowReplicasReported {
  rpc::SlowReplicasReport body;
};
/// A broker took a command, with these outcomes.
struct CommandDone {
  BrokerId broker;
  BrokerEpoch broker_epoch;
  std::vector<rpc::PartitionOutcome> outcomes;
  std::vector<rpc::StopReplica> stopped;  ///< What of the command was StopReplica with `remove`.
  /// The command told everything: replicas that the outcomes do not name are online.
  bool everything = false;
};
struct LogsAnswered {
  BrokerId broker;
  BrokerEpoch broker_epoch;
  std::vector<rpc::ReplicaLogAnswer::Partition> partitions;
};
/// Time has passed: see ClusterModel's deadlines.
struct Tick {};

// ---- What is to be done ----

enum class WriteKind : std::uint8_t {
  SetState,          ///< .../P/state, at the zkVersion `state.partition_epoch`
  CreateState,       ///< The first state, with the folders above it.
  SetTopic,          ///< /brokers/topics/T, at the zkVersion `version`
  DeleteTopic,       ///< States, folders, topic, config and deletion request, bottom up.
  DeleteRequest,     ///< Only /admin/delete_topics/T: refused, or no such topic.
  SetReassignments,  ///< /admin/reassign_partitions: what is left of it; deleted if nothing is.
};

/// One thing to be written, conditional on /controller_epoch.
struct Write {
  WriteKind kind = WriteKind::SetState;
  std::string topic;
  TopicId topic_id;
  std::int32_t partition = -1;
  cluster::PartitionState state;              ///< SetState, CreateState
  std::optional<cluster::Topic> content;      ///< SetTopic
  std::int32_t version = -1;                  ///< SetTopic
  std::optional<RequestId> request;           ///< The AlterPartition it answers.
  std::vector<WantedReplicas> reassignments;  ///< SetReassignments
  const char* cause = "";                     ///< For the log.
  bool is_urgent = false;                     ///< A partition gets another leader by it.
  bool gives_id_back = false;                 ///< SetTopic: an old tool took it away (W5).

  [[nodiscard]] TopicPartition topic_partition() const { return {topic, partition}; }
};

/// What became of a write. Deletions are repeated until they hold; a state is either committed or
/// `truth` says what ZooKeeper holds instead (nothing: no znode).
struct WriteOutcome {
  Write write;
  bool committed = false;
  std::optional<cluster::PartitionState> truth;
};
struct WritesDone {
  std::vector<WriteOutcome> outcomes;
};

using Event = std::variant<ClusterOutlined, ClusterRead, BrokersRead, LivenessChanged, TopicsRead,
                           TopicRulesRead, DeletionRequested, PreferredLeadersWanted,
                           LeadersToBeBalanced, ElectionRequested, ReassignmentRequested,
                           ReassignmentsRead, AlterPartitionRequested, ShutdownRequested,
                           SlowReplicasReported, CommandDone, LogsAnswered, Tick, WritesDone>;

/// Tell all brokers the committed state of these partitions. `is_urgent`: they have other leaders
/// now, and clients wait.
struct Announce {
  std::vector<TopicPartition> partitions;
  bool is_new = false;
  bool is_urgent = false;
};
/// Tell all brokers which brokers live.
struct AnnounceBrokers {};
/// Tell all brokers that the topic is gone.
struct AnnounceDeleted {
  std::string topic;
  TopicId id;
};
/// Tell one broker everything: it is new, or its log dir failed and it must say for which replicas.
struct SendFull {
  BrokerId broker;
};
struct StopReplicas {
  BrokerId broker;
  std::vector<rpc::StopReplica> replicas;
};
struct AskLogs {
  BrokerId broker;
  std::vector<rpc::ReplicaLogQuery::Partition> partitions;
};
using Command =
    std::variant<Announce, AnnounceBrokers, AnnounceDeleted, SendFull, StopReplicas, AskLogs>;

struct AlterAnswer {
  RequestId request;
  rpc::AlterPartitionReply reply;
};
struct ShutdownAnswer {
  RequestId request;
  rpc::ControlledShutdownReply reply;
};
/// Of an election or a reassignment.
struct PartitionsAnswer {
  RequestId request;
  std::vector<PartitionAnswer> partitions;
};
using Answer = std::variant<AlterAnswer, ShutdownAnswer, PartitionsAnswer>;

/// What the controller wants done about one event. The shell issues the writes in this order
/// (pipelined, batched), then queues the commands, then answers.
struct Decision {
  std::vector<Write> writes;
  std::vector<Command> commands;
  std::vector<Answer> answers;
  /// Topics whose znode is not what the model has: they are to be read.
  std::vector<std::string> topics_to_read;
  /// When a Tick is needed at the latest.
  std::optional<env::MonotonicTime> wake_at;
};

/// Takes the event into the model and says what is to be done. Pure but for the model: the same
/// model, event and time give the same result.
[[nodiscard]] Decision decide(ClusterModel& model, const Event& event, env::MonotonicTime now);

}  // namespace ottla::controller
