#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/base/uuid.h"
#include "common/cluster/broker.h"
#include "common/env/clock.h"
#include "common/rpc/peer.h"
#include "controller/health.h"
#include "controller/partition_requests.h"

namespace ottla::controller {

/// A topic to be created, as CreateTopics says it. With `assignments` the two numbers are -1.
struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;          ///< -1: num.partitions
  std::int32_t replication_factor = -1;  ///< -1: default.replication.factor
  std::map<std::int32_t, std::vector<BrokerId>> assignments;
  std::map<std::string, std::string> configs;
};

/// `error` is as Kafka 3.9 gives it; `message` is empty or says more than the code.
struct CreatedTopic {
  std::string name;
  TopicId id;
  ErrorCode error = ErrorCode::None;
  std::string message;
  std::int32_t partitions = -1;
  std::int32_t replication_factor = -1;
};

/// `timeout` is how long to wait until the leaders are elected and the brokers know them. When it
/// passes (or is 0) the topic's error is RequestTimedOut, and creation goes on all the same.
struct CreateTopicsRequest {
  std::vector<NewTopic> topics;
  env::Duration timeout{};
  bool validate_only = false;
};

/// One topic to delete: by name, or by id when the name is empty.
struct TopicToDelete {
  std::string name;
  TopicId id;
};
struct DeleteTopicsRequest {
  std::vector<TopicToDelete> topics;
  env::Duration timeout{};
};
struct DeletedTopic {
  std::string name;
  TopicId id;
  ErrorCode error = ErrorCode::None;
  std::string message;
};

/// `count` is the new total. `assignments`, if there are any, has one list for each added
/// partition.
struct NewPartitions {
  std::string topic;
  std::int32_t count = 0;
  std::optional<std::vector<std::vector<BrokerId>>> assignments;
};
struct CreatePartitionsRequest {
  std::vector<NewPartitions> topics;
  env::Duration timeout{};
  bool validate_only = false;
};
struct AddedPartitions {
  std::string topic;
  ErrorCode error = ErrorCode::None;
  std::string message;
};

/// A broker as the controller sees it.
struct BrokerDescription {
  BrokerId id;
  BrokerEpoch epoch = kUnknownBrokerEpoch;
  bool process_dead = false;
  bool silent = false;
  bool shutting_down = false;
  bool command_failed = false;  ///< The last command did not arrive; it is being repeated.
};

/// The controller's state, for `ottla cluster` and the metrics: all of it computed from the model
/// when it is asked for (W23). Only `broker` and `controller` are set on a broker that is not the
/// controller.
struct ControllerDescription {
  BrokerId broker;
  std::optional<BrokerId> controller;
  bool active = false;
  ControllerEpoch controller_epoch;
  std::vector<BrokerDescription> brokers;
  std::int32_t topics = 0;
  std::int32_t partitions = 0;
  std::int32_t offline_partitions = 0;           ///< OfflinePartitionsCount
  std::int32_t under_replicated_partitions = 0;  ///< The whole cluster's.
  std::int32_t preferred_replica_imbalance = 0;  ///< PreferredReplicaImbalanceCount
  std::int32_t topics_to_delete = 0;             ///< TopicsToDeleteCount
  std::int32_t replicas_to_delete = 0;           ///< ReplicasToDeleteCount
  std::int32_t topics_without_id = 0;  ///< Their znodes were rewritten by an old tool (W5).
  std::int32_t reassigning_partitions = 0;
  std::int32_t slow_replicas = 0;  ///< In log dirs that are slow, as their brokers say (W10).
  std::int32_t queued_writes = 0;
};

/// What the rest of a broker may ask of the controller that it hosts. Every broker has one; only
/// the active one serves requests and describe, the others answer NotController.
/// Thread: any. Callbacks come on the controller's executor: post to the owner and return.
class ControllerService : public rpc::ControllerControl {
 public:
  /// Whether this broker holds the office, as far as it knows, and has read the cluster's state:
  /// from then on it serves. (`active_controller` names it a little earlier.)
  [[nodiscard]] virtual bool is_controller() const = 0;
  /// The broker in office, if there is one, as this broker last read it from /controller.
  [[nodiscard]] virtual std::optional<BrokerId> active_controller() const = 0;

  virtual void create_topics(CreateTopicsRequest request,
                             Callback<std::vector<CreatedTopic>> done) = 0;
  virtual void delete_topics(DeleteTopicsRequest request,
                             Callback<std::vector<DeletedTopic>> done) = 0;
  virtual void create_partitions(CreatePartitionsRequest request,
                                 Callback<std::vector<AddedPartitions>> done) = 0;

  /// Writes the topics to ZooKeeper from any broker, as Kafka's automatic creation does; does not
  /// wait for leaders. `live` is what this broker knows of the cluster. TopicAlreadyExists is the
  /// answer when somebody was faster.
  virtual void auto_create_topics(std::vector<NewTopic> topics, std::vector<cluster::Broker> live,
                                  Callback<std::vector<CreatedTopic>> done) = 0;

  virtual void elect_leaders(ElectLeadersRequest request, Callback<PartitionsReply> done) = 0;
  virtual void alter_reassignments(AlterReassignmentsRequest request,
                                   Callback<PartitionsReply> done) = 0;
  /// Of these partitions, or of all: those that are being reassigned.
  virtual void list_reassignments(std::optional<std::vector<TopicPartition>> of,
                                  Callback<ReassignmentsReply> done) = 0;

  virtual void describe(Callback<ControllerDescription> done) = 0;
  /// What this broker knows of ZooKeeper and, in office, of all brokers and these partitions.
  virtual void describe_health(std::vector<TopicPartition> partitions,
                               Callback<ControllerHealth> done) = 0;
};

}  // namespace ottla::controller
