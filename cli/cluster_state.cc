#include "cli/cluster_state.h"

#include <algorithm>

#include <boost/json.hpp>

namespace ottla::cli {
namespace {

void add_topic(ClusterState& state, const TopicDescription& topic) {
  ++state.topics;
  for (const auto& partition : topic.partitions) {
    ++state.partitions;
    const auto leader = state.brokers.find(partition.leader);
    const bool led = leader != state.brokers.end() && leader->second.registered();
    if (led) ++leader->second.leaders;
    for (const auto replica : partition.replicas) {
      auto& broker = state.brokers[replica];
      ++broker.replicas;
      const bool in_sync = std::ranges::find(partition.isr, replica) != partition.isr.end();
      if (in_sync) ++broker.in_sync;
    }
    if (!led) {
      state.offline.push_back({topic.name, partition});
    } else if (!partition.replicas.empty() && partition.replicas.front() != partition.leader) {
      ++state.not_on_preferred_leader;
    }
    if (partition.is_under_replicated()) state.under_replicated.push_back({topic.name, partition});
  }
}

std::vector<std::int32_t> numbers_of(const std::vector<BrokerId>& ids) {
  std::vector<std::int32_t> numbers;
  for (const auto id : ids) numbers.push_back(id.value());
  return numbers;
}

TopicDescription describe(const zookeeper::TopicNodes& nodes) {
  TopicDescription topic;
  topic.name = nodes.topic.name;
  for (std::size_t number = 0; number < nodes.topic.partitions.size(); ++number) {
    PartitionDescription partition;
    partition.partition = static_cast<std::int32_t>(number);
    const cluster::Assignment& assignment = nodes.topic.partitions[number];
    partition.replicas = numbers_of(assignment.replicas);
    partition.adding = numbers_of(assignment.adding);
    partition.removing = numbers_of(assignment.removing);
    // A partition without a state has not been elected yet: no leader, nobody in sync.
    if (number < nodes.states.size() && nodes.states[number]) {
      const auto& state = *nodes.states[number];
      partition.leader = state.leader.value();
      partition.leader_epoch = state.leader_epoch.value();
      partition.isr = numbers_of(state.isr);
    }
    topic.partitions.push_back(std::move(partition));
  }
  return topic;
}

std::string address_of(const cluster::Broker& broker) {
  if (broker.endpoints.empty()) return "none";
  const auto& endpoint = broker.endpoints.front();
  return endpoint.host + ":" + std::to_string(endpoint.port);
}

boost::json::array json_of(const std::vector<PartitionProblem>& problems) {
  boost::json::array array;
  for (const auto& [topic, partition] : problems) {
    array.push_back(
        {{"topic", topic},
         {"partition", partition.partition},
         {"leader", partition.leader},
         {"leaderEpoch", partition.leader_epoch},
         {"replicas", boost::json::array(partition.replicas.begin(), partition.replicas.end())},
         {"isr", boost::json::array(partition.isr.begin(), partition.isr.end())}});
  }
  return array;
}

boost::json::array json_of(const std::vector<std::string>& texts) {
  return boost::json::array(texts.begin(), texts.end());
}

template <class T>
boost::json::value json_of(const std::optional<T>& value) {
  if (!value) return nullptr;
  return boost::json::value_from(*value);
}

void print_problems(std::ostream& out, const char* title,
                    const std::vector<PartitionProblem>& problems) {
  out << title << ": " << problems.size() << '\n';
  for (const auto& [topic, partition] : problems) {
    TopicDescription named;
    named.name = topic;
    print_partition_line(out, named, partition);
  }
}

}  // namespace

ClusterState state_from_metadata(const protocol::MetadataResponse& metadata,
                                 const AllReassigning& reassigning) {
  ClusterState state;
  state.cluster_id = metadata.cluster_id.value_or("");
  state.controller = metadata.controller_id.value();
  for (const auto& broker : metadata.brokers) {
    auto& shown = state.brokers[broker.node_id.value()];
    shown.address = broker.host + ":" + std::to_string(broker.port);
    shown.rack = broker.rack;
  }
  std::vector<TopicDescription> topics;
  for (const auto& topic : metadata.topics) topics.push_back(describe(topic));
  std::ranges::sort(topics, {}, &TopicDescription::name);
  add_reassigning(topics, reassigning);
  for (const auto& topic : topics) add_topic(state, topic);
  return state;
}

ClusterState state_from_zookeeper(const std::string& cluster_id,
                                  const zookeeper::ControllerOffice& office,
                                  const zookeeper::ClusterNodes& nodes) {
  ClusterState state;
  state.cluster_id = cluster_id;
  if (office.holder) state.controller = office.holder->value.broker.value();
  state.controller_epoch = office.epoch.value();
  for (const auto& [id, broker] : nodes.brokers) {
    auto& shown = state.brokers[id.value()];
    shown.address = address_of(broker);
    shown.rack = broker.rack;
    shown.epoch = broker.epoch.value();
  }
  for (const auto& [name, topic] : nodes.topics) add_topic(state, describe(topic));
  state.topics_being_deleted = nodes.topics_to_delete;
  state.malformed_nodes = nodes.malformed;
  return state;
}

void add_epochs(ClusterState& state, const ClusterState& from_zookeeper) {
  state.controller_epoch = from_zookeeper.controller_epoch;
  for (const auto& [id, broker] : from_zookeeper.brokers) state.brokers[id].epoch = broker.epoch;
  state.topics_being_deleted = from_zookeeper.topics_being_deleted;
  state.malformed_nodes = from_zookeeper.malformed_nodes;
}

boost::json::object to_json(const ClusterState& state) {
  boost::json::array brokers;
  for (const auto& [id, broker] : state.brokers) {
    brokers.push_back({{"id", id},
                       {"registered", broker.registered()},
                       {"address", broker.address},
                       {"rack", json_of(broker.rack)},
                       {"epoch", json_of(broker.epoch)},
                       {"leaders", broker.leaders},
                       {"replicas", broker.replicas},
                       {"inSync", broker.in_sync}});
  }
  return {{"clusterId", state.cluster_id},
          {"controller", state.controller},
          {"controllerEpoch", json_of(state.controller_epoch)},
          {"healthy", state.healthy()},
          {"brokers", std::move(brokers)},
          {"topics", state.topics},
          {"partitions", state.partitions},
          {"notOnPreferredLeader", state.not_on_preferred_leader},
          {"offlinePartitions", json_of(state.offline)},
          {"underReplicatedPartitions", json_of(state.under_replicated)},
          {"topicsBeingDeleted", json_of(state.topics_being_deleted)},
          {"malformedNodes", json_of(state.malformed_nodes)}};
}

void print(std::ostream& out, const ClusterState& state) {
  out << "Cluster: " << state.cluster_id << '\n';
  out << "Controller: " << (state.controller >= 0 ? std::to_string(state.controller) : "none");
  if (state.controller_epoch) out << "\tControllerEpoch: " << *state.controller_epoch;
  out << '\n';
  const auto registered = std::ranges::count_if(
      state.brokers, [](const auto& broker) { return broker.second.registered(); });
  out << "Brokers: " << registered << '\n';
  for (const auto& [id, broker] : state.brokers) {
    out << "\tBroker: " << id
        << "\tAddress: " << (broker.registered() ? broker.address : "none (not registered)");
    if (broker.epoch) out << "\tEpoch: " << *broker.epoch;
    out << "\tRack: " << broker.rack.value_or("none") << "\tLeaders: " << broker.leaders
        << "\tReplicas: " << broker.replicas << "\tInSync: " << broker.in_sync << '\n';
  }
  out << "Topics: " << state.topics << "\tPartitions: " << state.partitions
      << "\tNotOnPreferredLeader: " << state.not_on_preferred_leader << '\n';
  print_problems(out, "OfflinePartitions", state.offline);
  print_problems(out, "UnderReplicatedPartitions", state.under_replicated);
  for (const auto& topic : state.topics_being_deleted) out << "BeingDeleted: " << topic << '\n';
  for (const auto& node : state.malformed_nodes) out << "MalformedNode: " << node << '\n';
}

}  // namespace ottla::cli
