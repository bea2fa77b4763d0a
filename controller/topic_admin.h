#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/cluster/partition.h"
#include "common/env/random.h"
#include "controller/config.h"
#include "controller/placement.h"
#include "controller/service.h"

/// What CreateTopics and CreatePartitions must be checked for, and the topics they make of it.
/// Pure: the caller brings what exists and which brokers live. Codes and the order of checks are
/// those of Kafka 3.9; the texts are ours.
namespace ottla::controller {

/// What a topic is checked against.
struct TopicSurroundings {
  /// Names of all topics, with those being deleted.
  std::set<std::string> existing;
  std::vector<PlacementBroker> live_brokers;
};

/// The topic to write, which fits into a node of ZooKeeper, with its replicas placed and a random
/// id. Errors: TopicAlreadyExists, InvalidTopicException (name, collision of '.' and '_'),
/// InvalidRequest, InvalidPartitions, InvalidReplicationFactor, InvalidReplicaAssignment,
/// InvalidConfig.
Result<cluster::Topic> plan_topic(const NewTopic& topic, const TopicSurroundings& surroundings,
                                  const ControllerConfig& config, env::Random& random);

/// The topic with the added partitions.
/// Errors: InvalidPartitions, InvalidReplicaAssignment, InvalidReplicationFactor,
/// ReassignmentInProgress.
Result<cluster::Topic> plan_partitions(const NewPartitions& request, cluster::Topic topic,
                                       std::vector<PlacementBroker> live_brokers,
                                       env::Random& random);

/// Names that stand more than once in a request: each gets one InvalidRequest.
template <class Items, class NameOf>
std::set<std::string> names_given_twice(const Items& items, NameOf name_of) {
  std::set<std::string> seen;
  std::set<std::string> twice;
  for (const auto& item : items) {
    if (!seen.insert(name_of(item)).second) twice.insert(name_of(item));
  }
  return twice;
}

}  // namespace ottla::controller
