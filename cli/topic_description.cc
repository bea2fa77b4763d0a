#include "cli/topic_description.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "cli/topic_filter.h"

namespace ottla::cli {
namespace {

std::vector<std::int32_t> numbers_of(const std::vector<BrokerId>& ids) {
  std::vector<std::int32_t> numbers;
  for (const auto id : ids) numbers.push_back(id.value());
  return numbers;
}

std::string joined(const std::vector<std::int32_t>& numbers) {
  std::string text;
  for (const auto number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

boost::json::array json_of(const std::vector<std::int32_t>& numbers) {
  return boost::json::array(numbers.begin(), numbers.end());
}

}  // namespace

std::size_t PartitionDescription::replication_factor() const {
  return static_cast<std::size_t>(std::ranges::count_if(replicas, [this](std::int32_t replica) {
    return std::ranges::find(adding, replica) == adding.end();
  }));
}

TopicDescription describe(const protocol::MetadataResponse::Topic& topic) {
  TopicDescription description;
  description.name = topic.name.value_or("");
  description.topic_id = topic.topic_id;
  description.internal = topic.is_internal || is_internal_topic(description.name);
  for (const auto& partition : topic.partitions) {
    description.partitions.push_back({.partition = partition.partition_index,
                                      .leader = partition.leader_id.value(),
                                      .leader_epoch = partition.leader_epoch.value(),
                                      .replicas = numbers_of(partition.replica_nodes),
                                      .isr = numbers_of(partition.isr_nodes),
                                      .offline_replicas = numbers_of(partition.offline_replicas),
                                      .adding = {},
                                      .removing = {}});
  }
  std::ranges::sort(description.partitions, {}, &PartitionDescription::partition);
  return description;
}

void add_reassigning(std::vector<TopicDescription>& topics, const AllReassigning& all) {
  if (all.empty()) return;
  for (TopicDescription& topic : topics) {
    for (PartitionDescription& partition : topic.partitions) {
      const auto moving = all.find({topic.name, partition.partition});
      if (moving == all.end()) continue;
      partition.adding = numbers_of(moving->second.adding);
      partition.removing = numbers_of(moving->second.removing);
    }
  }
}

void print_topic_line(std::ostream& out, const TopicDescription& topic) {
  out << "Topic: " << topic.name;
  if (!topic.topic_id.is_zero()) out << "\tTopicId: " << topic.topic_id;
  out << "\tPartitionCount: " << topic.partitions.size()
      << "\tReplicationFactor: " << topic.replication_factor() << "\tConfigs: ";
  const char* separator = "";
  for (const auto& [name, value] : topic.own_configs) {
    out << separator << name << '=' << value;
    separator = ",";
  }
  out << '\n';
}

void print_partition_line(std::ostream& out, const TopicDescription& topic,
                          const PartitionDescription& partition) {
  out << "\tTopic: " << topic.name << "\tPartition: " << partition.partition
      << "\tLeader: " << (partition.has_leader() ? std::to_string(partition.leader) : "none")
      << "\tReplicas: " << joined(partition.replicas) << "\tIsr: " << joined(partition.isr);
  if (partition.is_reassigning()) {
    out << "\tAdding Replicas: " << joined(partition.adding)
        << "\tRemoving Replicas: " << joined(partition.removing);
  }
  out << "\tElr: N/A\tLastKnownElr: N/A\n";
}

boost::json::object to_json(const TopicDescription& topic) {
  boost::json::object configs;
  for (const auto& [name, value] : topic.own_configs) configs[name] = value;
  boost::json::array partitions;
  for (const auto& partition : topic.partitions) {
    boost::json::object row{{"partition", partition.partition},
                            {"leader", partition.leader},
                            {"leaderEpoch", partition.leader_epoch},
                            {"replicas", json_of(partition.replicas)},
                            {"isr", json_of(partition.isr)},
                            {"offlineReplicas", json_of(partition.offline_replicas)}};
    if (partition.is_reassigning()) {
      row["addingReplicas"] = json_of(partition.adding);
      row["removingReplicas"] = json_of(partition.removing);
    }
    partitions.push_back(std::move(row));
  }
  return {{"topic", topic.name},
          {"topicId", topic.topic_id.to_string()},
          {"internal", topic.internal},
          {"partitionCount", topic.partitions.size()},
          {"replicationFactor", topic.replication_factor()},
          {"configs", std::move(configs)},
          {"partitions", std::move(partitions)}};
}

}  // namespace ottla::cli
