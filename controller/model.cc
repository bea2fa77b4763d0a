#include "controller/model.h"

#include <algorithm>

#include "controller/reassignment.h"

namespace ottla::controller {
namespace {

void count_partition(const PartitionEntry& partition, ModelCounts& counts) {
  ++counts.partitions;
  const auto& replicas = partition.assignment.replicas;
  if (!partition.state || partition.state->leader == kNoBroker) ++counts.offline_partitions;
  const std::size_t in_sync = partition.state ? partition.state->isr.size() : 0;
  if (in_sync < cluster::replication_factor(partition.assignment)) {
    ++counts.under_replicated_partitions;
  }
  if (is_reassigning(partition.assignment)) ++counts.reassigning_partitions;
  if (partition.state && !replicas.empty() && partition.state->leader != replicas.front()) {
    ++counts.preferred_replica_imbalance;
  }
}

}  // namespace

LogEnd LogQuery::longest() const {
  LogEnd longest;
  for (const auto& [broker, answer] : answers) longest = std::max(longest, answer);
  return longest;
}

bool PartitionEntry::is_in_doubt(BrokerId broker) const {
  return cluster::contains(doubted, broker) ||
         (state && state->in_isr(broker) && state->is_last_known(broker));
}

bool PartitionEntry::is_unsettled(BrokerId broker) const {
  return cluster::contains(restarted, broker) || cluster::contains(restarted_in_write, broker) ||
         cluster::contains(doubted, broker);
}

bool ClusterModel::has_unwritten_doubts(BrokerId broker) const {
  for (const auto& [name, topic] : topics) {
    for (const PartitionEntry& partition : topic.partitions) {
      if (cluster::contains(partition.doubted, broker)) return true;
    }
  }
  return false;
}

TopicEntry* ClusterModel::find_topic(const std::string& name) {
  const auto found = topics.find(name);
  return found == topics.end() ? nullptr : &found->second;
}

const TopicEntry* ClusterModel::find_topic(const std::string& name) const {
  const auto found = topics.find(name);
  return found == topics.end() ? nullptr : &found->second;
}

const PartitionEntry* ClusterModel::find_partition(const TopicPartition& tp) const {
  const TopicEntry* topic = find_topic(tp.topic);
  if (topic == nullptr || tp.partition < 0) return nullptr;
  const auto index = static_cast<std::size_t>(tp.partition);
  return index < topic->partitions.size() ? &topic->partitions[index] : nullptr;
}

PartitionEntry* ClusterModel::find_partition(const TopicPartition& tp) {
  return const_cast<PartitionEntry*>(std::as_const(*this).find_partition(tp));
}

bool ClusterModel::is_registered(BrokerId broker, BrokerEpoch epoch) const {
  const auto found = brokers.find(broker);
  return found != brokers.end() && found->second.registration.epoch == epoch;
}

std::vector<cluster::Broker> ClusterModel::live_brokers() const {
  std::vector<cluster::Broker> live;
  for (const auto& [id, broker] : brokers) {
    if (broker.liveness != rpc::Liveness::ProcessDead) live.push_back(broker.registration);
  }
  return live;
}

bool ClusterModel::silence_counts() const {
  const auto silent = std::count_if(brokers.begin(), brokers.end(), [](const auto& entry) {
    return entry.second.liveness == rpc::Liveness::Silent;
  });
  return 2 * static_cast<std::size_t>(silent) <= brokers.size();
}

ModelCounts count(const ClusterModel& model) {
  ModelCounts counts;
  for (const auto& [name, topic] : model.topics) {
    if (topic.phase != TopicPhase::Live) {
      ++counts.topics_to_delete;
      for (const PartitionEntry& partition : topic.partitions) {
        counts.replicas_to_delete +=
            static_cast<std::int32_t>(partition.assignment.replicas.size());
      }
      continue;
    }
    ++counts.topics;
    if (topic.id.is_zero()) ++counts.topics_without_id;
    for (const PartitionEntry& partition : topic.partitions) count_partition(partition, counts);
  }
  counts.slow_replicas = static_cast<std::int32_t>(model.slow_replicas.size());
  return counts;
}

}  // namespace ottla::controller
