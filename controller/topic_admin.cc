#include "controller/topic_admin.h"

#include <algorithm>

#include "controller/node_room.h"
#include "controller/topic_name.h"

namespace ottla::controller {
namespace {

Result<> check_new_name(const std::string& name, const std::set<std::string>& existing) {
  OTTLA_TRY_VOID(check_topic_name(name));
  if (!may_collide(name)) return {};
  const std::string folded = folded_topic_name(name);
  for (const std::string& other : existing) {
    if (may_collide(other) && folded_topic_name(other) == folded) {
      return fail(ErrorCode::InvalidTopicException,
                  "Topic '" + name + "' collides with topic '" + other +
                      "': '.' and '_' are the same in metric names.");
    }
  }
  return {};
}

bool has_duplicates(std::vector<BrokerId> brokers) {
  std::sort(brokers.begin(), brokers.end());
  return std::adjacent_find(brokers.begin(), brokers.end()) != brokers.end();
}

tl::unexpected<Error> bad_assignment(std::int32_t partition, const std::string& why) {
  return fail(ErrorCode::InvalidReplicaAssignment,
              "Partition " + std::to_string(partition) + ": " + why);
}

/// As Kafka, this does not ask whether the brokers live.
Result<std::vector<cluster::Assignment>> take_assignments(
    const std::map<std::int32_t, std::vector<BrokerId>>& assignments) {
  std::vector<cluster::Assignment> result;
  for (const auto& [partition, replicas] : assignments) {
    if (partition != static_cast<std::int32_t>(result.size())) {
      return bad_assignment(partition, "partitions must be numbered from 0 without a gap.");
    }
    if (replicas.empty()) return bad_assignment(partition, "it has no replicas.");
    if (has_duplicates(replicas)) return bad_assignment(partition, "a broker stands twice.");
    if (replicas.size() != assignments.begin()->second.size()) {
      return bad_assignment(partition, "its number of replicas differs from partition 0's.");
    }
    result.push_back({replicas, {}, {}});
  }
  return result;
}

/// The shortest entry of a partition in its topic's node: "0":[1],
constexpr std::int32_t kMostPartitions = kNodeBytes / 8;

tl::unexpected<Error> too_many_partitions(const std::string& topic, std::int32_t partitions) {
  return fail(ErrorCode::InvalidPartitions,
              "Topic '" + topic + "': " + std::to_string(partitions) +
                  " partitions do not fit into its ZooKeeper node, which takes " +
                  std::to_string(kNodeBytes) + " bytes.");
}

/// Before anything is made for them: a count is four bytes on the wire.
Result<> check_partition_count(const std::string& topic, std::int32_t partitions) {
  if (partitions > kMostPartitions) return too_many_partitions(topic, partitions);
  return {};
}

Result<> check_fits_into_node(const cluster::Topic& topic) {
  std::size_t bytes = 0;
  for (std::size_t partition = 0; partition < topic.partitions.size(); ++partition) {
    bytes += node_bytes(static_cast<std::int32_t>(partition), topic.partitions[partition]);
  }
  if (bytes <= kNodeBytes) return {};
  return too_many_partitions(topic.name, static_cast<std::int32_t>(topic.partitions.size()));
}

std::vector<cluster::Assignment> as_assignments(std::vector<std::vector<BrokerId>> replicas) {
  std::vector<cluster::Assignment> result;
  for (auto& brokers : replicas) result.push_back({std::move(brokers), {}, {}});
  return result;
}

Result<std::vector<cluster::Assignment>> assignments_of(const NewTopic& topic,
                                                        const TopicSurroundings& surroundings,
                                                        const ControllerConfig& config,
                                                        env::Random& random) {
  if (!topic.assignments.empty()) {
    if (topic.partitions != -1 || topic.replication_factor != -1) {
      return fail(ErrorCode::InvalidRequest,
                  "Give either an assignment, or numbers of partitions and replicas.");
    }
    return take_assignments(topic.assignments);
  }
  PlacementRequest request;
  request.partitions = topic.partitions == -1 ? config.default_partitions : topic.partitions;
  OTTLA_TRY_VOID(check_partition_count(topic.name, request.partitions));
  request.replication_factor =
      topic.replication_factor == -1 ? config.default_replication_factor : topic.replication_factor;
  OTTLA_TRY(auto placed, place_replicas(surroundings.live_brokers, request, random));
  return as_assignments(std::move(placed));
}

}  // namespace

Result<cluster::Topic> plan_topic(const NewTopic& topic, const TopicSurroundings& surroundings,
                                  const ControllerConfig& config, env::Random& random) {
  if (topic.name == "__cluster_metadata") {
    return fail(ErrorCode::InvalidRequest,
                "The internal topic __cluster_metadata cannot be created.");
  }
  if (surroundings.existing.contains(topic.name)) {
    return fail(ErrorCode::TopicAlreadyExists, "Topic '" + topic.name + "' already exists.");
  }
  OTTLA_TRY(auto assignments, assignments_of(topic, surroundings, config, random));
  OTTLA_TRY_VOID(check_new_name(topic.name, surroundings.existing));
  if (config.check_topic_config) OTTLA_TRY_VOID(config.check_topic_config(topic.configs));
  cluster::Topic planned{topic.name, random.uuid(), std::move(assignments)};
  OTTLA_TRY_VOID(check_fits_into_node(planned));
  return planned;
}

Result<cluster::Topic> plan_partitions(const NewPartitions& request, cluster::Topic topic,
                                       std::vector<PlacementBroker> live_brokers,
                                       env::Random& random) {
  const auto now = static_cast<std::int32_t>(topic.partitions.size());
  for (const cluster::Assignment& assignment : topic.partitions) {
    if (!assignment.adding.empty() || !assignment.removing.empty()) {
      return fail(ErrorCode::ReassignmentInProgress,
                  "Topic '" + topic.name + "' is being reassigned.");
    }
  }
  const std::int32_t added = request.count - now;
  if (added <= 0) {
    return fail(ErrorCode::InvalidPartitions,
                "Topic '" + topic.name + "' has " + std::to_string(now) +
                    " partitions; their number can only grow, and " +
                    std::to_string(request.count) + " were asked for.");
  }
  OTTLA_TRY_VOID(check_partition_count(topic.name, request.count));
  const std::vector<BrokerId> first = topic.partitions.front().replicas;
  std::sort(live_brokers.begin(), live_brokers.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  if (!request.assignments) {
    const auto at = std::find_if(live_brokers.begin(), live_brokers.end(),
                                 [&](const auto& broker) { return broker.id >= first.front(); });
    PlacementRequest placement;
    placement.partitions = added;
    placement.replication_factor = static_cast<std::int32_t>(first.size());
    placement.first_partition = now;
    placement.start_index =
        at == live_brokers.end() ? 0 : static_cast<std::size_t>(at - live_brokers.begin());
    OTTLA_TRY(auto placed, place_replicas(live_brokers, placement, random));
    for (cluster::Assignment& a : as_assignments(std::move(placed))) {
      topic.partitions.push_back(std::move(a));
    }
    OTTLA_TRY_VOID(check_fits_into_node(topic));
    return topic;
  }
  if (static_cast<std::int32_t>(request.assignments->size()) != added) {
    return fail(ErrorCode::InvalidReplicaAssignment,
                std::to_string(added) + " partitions are added, but assignments are given for " +
                    std::to_string(request.assignments->size()) + ".");
  }
  std::int32_t partition = now;
  for (const std::vector<BrokerId>& replicas : *request.assignments) {
    if (replicas.empty()) return bad_assignment(partition, "it has no replicas.");
    if (has_duplicates(replicas)) return bad_assignment(partition, "a broker stands twice.");
    if (replicas.size() != first.size()) {
      return bad_assignment(partition, "its number of replicas differs from partition 0's.");
    }
    for (const BrokerId replica : replicas) {
      const bool known = std::any_of(live_brokers.begin(), live_brokers.end(),
                                     [&](const auto& broker) { return broker.id == replica; });
      if (!known) {
        return bad_assignment(partition,
                              "broker " + std::to_string(replica.value()) + " is not alive.");
      }
    }
    topic.partitions.push_back({replicas, {}, {}});
    ++partition;
  }
  OTTLA_TRY_VOID(check_fits_into_node(topic));
  return topic;
}

}  // namespace ottla::controller
