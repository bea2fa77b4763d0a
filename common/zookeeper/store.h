#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/id.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "common/cluster/broker.h"
#include "common/cluster/partition.h"
#include "common/env/executor.h"
#include "common/zookeeper/client.h"
#include "common/zookeeper/layout.h"
#include "common/zookeeper/node_data.h"

namespace ottla::zookeeper {

enum class StoreError : std::uint8_t {
  NoNode,
  NodeExists,
  /// The node (of this item) has another zkVersion than the one asked for.
  BadVersion,
  /// /controller_epoch has moved on: nothing was written, and the caller is no longer controller.
  ControllerMoved,
  /// The connection was lost on the way: it may or may not have been carried out. Read the truth.
  Unknown,
  /// The session is over; like Unknown for a write that was on its way.
  SessionExpired,
  /// The node's content cannot be understood.
  Malformed,
  Other,
};
[[nodiscard]] const char* name_of(StoreError error);

template <class T = void>
using StoreResult = tl::expected<T, StoreError>;

/// A node's decoded content with what later writes are conditional on.
template <class T>
struct Versioned {
  T value;
  std::int32_t version = 0;
  std::int64_t czxid = 0;
  std::int64_t ephemeral_owner = 0;
};

/// The office of controller as read from /controller_epoch and then /controller. An election is
/// conditional on `epoch_version`, so whoever won it in between makes it fail.
struct ControllerOffice {
  ControllerEpoch epoch;
  /// zkVersion of /controller_epoch; nullopt when the node does not exist yet.
  std::optional<std::int32_t> epoch_version;
  std::optional<Versioned<ControllerNode>> holder;
};

/// What every write of a controller is conditional on: the zkVersion that /controller_epoch got at
/// its election.
struct ControllerFence {
  ControllerEpoch epoch;
  std::int32_t epoch_version = 0;

  friend bool operator==(const ControllerFence&, const ControllerFence&) = default;
};

/// A topic with all that stands below it.
struct TopicNodes {
  cluster::Topic topic;
  /// zkVersion of /brokers/topics/T.
  std::int32_t version = 0;
  /// As many as `topic.partitions`; nullopt where there is no state yet.
  std::vector<std::optional<cluster::PartitionState>> states;
};

/// All that the controller derives its model from, in one load. Nodes that could not be understood
/// are left out and named in `malformed`.
struct ClusterNodes {
  std::map<BrokerId, cluster::Broker> brokers;
  std::map<std::string, TopicNodes> topics;
  std::map<std::string, ConfigMap> topic_configs;
  /// By broker id, and "<default>".
  std::map<std::string, ConfigMap> broker_configs;
  std::vector<std::string> topics_to_delete;
  std::vector<std::string> malformed;
};

struct PartitionStateWrite {
  TopicPartition partition;
  /// `state.partition_epoch` is the zkVersion that is expected.
  cluster::PartitionState state;
};

/// A config as it was read, for a write that is conditional on it.
struct ReadConfig {
  ConfigMap config;
  std::optional<std::int32_t> version;  ///< nullopt: there is no node.
};

/// What stands below /config/changes.
struct ConfigChanges {
  struct Change {
    std::string name;
    std::int64_t created_ms = 0;
    std::optional<layout::ConfigEntity> entity;  ///< nullopt: cannot be understood.
  };
  std::vector<std::string> standing;  ///< Names of all, in order.
  std::vector<Change> fresh;          ///< Those that were not seen before, in order.
};

/// One entry for each item, in its order.
using PartitionOutcomes = std::vector<StoreResult<PartitionEpoch>>;

/// The typed way to Kafka's znodes: paths and forms are layout.h's and node_data.h's. Asynchronous;
/// operations of one call are pipelined, and calls keep their order.
///
/// Watches: a read with Watch::Yes leaves one-shot watches, whose events come to the client's
/// listeners; `layout::locate` tells what an event is about.
/// Thread: any. `executor` is an event loop (tasks in order): completions come there, none after
/// the destructor, which runs on that loop or when it has ended.
class Store {
 public:
  Store(Client& client, env::Executor& executor);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // --- Reading ---

  /// All brokers, topics, partition states, topic and broker configs, deletion requests. With
  /// Watch::Yes on the children of /brokers/ids, /brokers/topics, /admin/delete_topics, and on the
  /// data of every broker and topic node. Nodes that vanish during the load are left out.
  void load_cluster(Watch watch, Callback<StoreResult<ClusterNodes>> done);
  /// The same in two steps: all but the states, which are by far the most; then these.
  void load_outline(Watch watch, Callback<StoreResult<ClusterNodes>> done);
  void load_states(ClusterNodes outline, Callback<StoreResult<ClusterNodes>> done);
  /// The registered brokers, watched as in `load_cluster`.
  void load_brokers(Watch watch, Callback<StoreResult<std::map<BrokerId, cluster::Broker>>> done);
  /// Names of the topics; watches the children of /brokers/topics.
  void list_topics(Watch watch, Callback<StoreResult<std::vector<std::string>>> done);
  /// The topics with their states, in the order of `names`; a topic that does not exist is nullopt.
  /// Watches the data of each topic node.
  void load_topics(std::vector<std::string> names, Watch watch,
                   Callback<StoreResult<std::vector<std::optional<TopicNodes>>>> done);
  /// In the order of `partitions`: NoNode, Malformed, or the state.
  void read_partition_states(
      const std::vector<TopicPartition>& partitions,
      Callback<StoreResult<std::vector<StoreResult<cluster::PartitionState>>>> done);
  /// Topics whose deletion is asked for; watches the children of /admin/delete_topics.
  void list_deletions(Watch watch, Callback<StoreResult<std::vector<std::string>>> done);
  /// /controller (its existence is watched) and /controller_epoch.
  void read_office(Watch watch, Callback<StoreResult<ControllerOffice>> done);
  void read_cluster_id(Callback<StoreResult<std::string>> done);
  void read_broker(BrokerId id, Watch watch,
                   Callback<StoreResult<Versioned<cluster::Broker>>> done);
  /// NoNode reads as an empty map.
  void read_config(const layout::ConfigEntity& entity, Callback<StoreResult<ConfigMap>> done);
  /// The same with what `replace_config` is conditional on.
  void read_config_node(const layout::ConfigEntity& entity, Callback<StoreResult<ReadConfig>> done);
  /// Every entity of a type ("topics", "brokers") by its name.
  void load_configs(const std::string& type,
                    Callback<StoreResult<std::map<std::string, ConfigMap>>> done);
  /// The notifications; those in `seen` are not read again. Watches the children of
  /// /config/changes.
  void read_config_changes(std::set<std::string> seen, Watch watch,
                           Callback<StoreResult<ConfigChanges>> done);
  /// nullopt: there is no request. Watched for existence and data.
  void read_reassignments(Watch watch,
                          Callback<StoreResult<std::optional<std::vector<Reassignment>>>> done);
  void read_preferred_election(
      Watch watch, Callback<StoreResult<std::optional<std::vector<TopicPartition>>>> done);

  // --- A broker starts ---

  /// Every path that all brokers create at start; those that exist are fine.
  void create_persistent_paths(Callback<StoreResult<>> done);
  /// The cluster's id; `candidate` becomes it on the first start of all.
  void get_or_create_cluster_id(std::string candidate, Callback<StoreResult<std::string>> done);
  /// The next number of /brokers/seqid (1, 2, ...), to be added to reserved.broker.max.id.
  void next_broker_sequence(Callback<StoreResult<std::int32_t>> done);
  /// The ephemeral /brokers/ids/N with zkVersion 1; gives its epoch. `replaces` is the zkVersion of
  /// a node known to be stale, which is deleted in the same transaction. NodeExists, BadVersion.
  void register_broker(const cluster::Broker& broker, std::optional<std::int32_t> replaces,
                       Callback<StoreResult<BrokerEpoch>> done);
  /// Rewrites our registration in place (advertised listeners changed).
  void update_broker(const cluster::Broker& broker, Callback<StoreResult<>> done);

  // --- Election ---

  /// Creates /controller and raises /controller_epoch in one transaction. With `office.holder` set
  /// (its process is known to be dead) the holder's node is deleted in the same transaction.
  /// NodeExists, NoNode or BadVersion: somebody else was faster. Unknown: read the office; with my
  /// id in it and `office.epoch` + 1 the election was won.
  void elect(ControllerNode candidate, ControllerOffice office,
             Callback<StoreResult<ControllerFence>> done);
  /// Gives up the office: deletes /controller, if it is still the one of `fence`.
  void resign(ControllerFence fence, Callback<StoreResult<>> done);
  void ensure_feature(ControllerFence fence, Callback<StoreResult<>> done);

  // --- The controller writes: each transaction is conditional on `fence` ---

  /// New states, each conditional on its zkVersion. Sent as batches of several states; a batch in
  /// which one has a BadVersion is sent again without it, so that an item never fails for another's
  /// sake. ControllerMoved, Unknown and SessionExpired concern each item of a batch.
  void write_partition_states(ControllerFence fence, const std::vector<PartitionStateWrite>& writes,
                              Callback<PartitionOutcomes> done);
  /// First states of new partitions, with the folders above them. NodeExists: there is a state.
  void create_partition_states(ControllerFence fence,
                               const std::vector<PartitionStateWrite>& writes,
                               Callback<PartitionOutcomes> done);
  /// A topic's assignment (reassignment, more partitions), conditional on its zkVersion; gives the
  /// new one.
  void write_topic(ControllerFence fence, const cluster::Topic& topic, std::int32_t version,
                   Callback<StoreResult<std::int32_t>> done);
  /// Everything of the topic, bottom up: states, folders, topic, its config, the deletion request.
  void delete_topic(ControllerFence fence, std::string name, Callback<StoreResult<>> done);
  /// The request only (refused, or for a topic that does not exist).
  void delete_deletion_request(ControllerFence fence, const std::string& topic,
                               Callback<StoreResult<>> done);
  /// What is left of the request in /admin/reassign_partitions; the node goes when nothing is.
  void write_reassignments(ControllerFence fence, const std::vector<Reassignment>& left,
                           Callback<StoreResult<>> done);
  void delete_preferred_election(ControllerFence fence, Callback<StoreResult<>> done);
  /// Brokers that told of a failed log dir, each once; the events are deleted. Watches for more.
  void take_log_dir_events(ControllerFence fence, Watch watch,
                           Callback<StoreResult<std::vector<BrokerId>>> done);
  /// Partitions whose ISR a leader of an old Kafka changed; the notifications are deleted. Watches
  /// for more.
  void take_isr_changes(ControllerFence fence, Watch watch,
                        Callback<StoreResult<std::vector<TopicPartition>>> done);

  // --- What any broker writes ---

  /// Config and topic node in one transaction, conditional on `fence` if there is one; the states
  /// are created by the controller after that. NodeExists: the topic exists.
  void create_topic(std::optional<ControllerFence> fence, cluster::Topic topic, ConfigMap config,
                    Callback<StoreResult<>> done);
  /// A request to the controller; one that exists is fine.
  void request_topic_deletion(const std::string& name, Callback<StoreResult<>> done);
  /// Sets or creates the config and appends the notification to /config/changes, in one
  /// transaction: brokers that watch cannot miss it.
  void write_config(layout::ConfigEntity entity, ConfigMap config, Callback<StoreResult<>> done);
  /// The same, if the node is still as it was read (`expected`) and, for a topic, if the topic
  /// exists: no change of somebody else is lost, and no config outlives its topic. BadVersion: read
  /// again. NoNode: the topic is gone.
  void replace_config(const layout::ConfigEntity& entity, ConfigMap config,
                      std::optional<std::int32_t> expected, Callback<StoreResult<>> done);
  /// Notifications that everybody has had time to see. Those that are gone are fine, and what fails
  /// is left for the next one who meets it.
  void delete_config_changes(const std::vector<std::string>& names);
  /// The next block of producer ids, conditional on the one read before; repeated when others are
  /// faster. After Unknown just ask again: the block, if it was taken, is never used.
  void allocate_producer_ids(BrokerId broker, Callback<StoreResult<ProducerIdBlock>> done);
  /// Tells the controller that a log dir of ours failed.
  void notify_log_dir_failure(BrokerId broker, Callback<StoreResult<>> done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ottla::zookeeper
