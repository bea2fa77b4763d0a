#include "controller/health.h"

#include <algorithm>

#include "controller/model.h"

namespace ottla::controller {
namespace {

std::optional<env::Duration> age(env::MonotonicTime since, env::MonotonicTime now) {
  if (since == env::MonotonicTime{}) return std::nullopt;
  return now - since;
}

BrokerHealth health_of(const ClusterModel& model, BrokerId broker, env::MonotonicTime now) {
  BrokerHealth health{.id = broker, .since = std::nullopt};
  const auto known = model.brokers.find(broker);
  if (known == model.brokers.end()) {
    const auto gone = model.gone_since.find(broker);
    if (gone != model.gone_since.end()) health.since = age(gone->second, now);
    return health;
  }
  const BrokerEntry& entry = known->second;
  health.epoch = entry.registration.epoch;
  health.shutting_down = entry.shutting_down;
  health.since = age(entry.liveness_since, now);
  switch (entry.liveness) {
    case rpc::Liveness::Alive:
      health.presence = BrokerPresence::Alive;
      break;
    case rpc::Liveness::Silent:
      health.presence = BrokerPresence::Silent;
      break;
    case rpc::Liveness::ProcessDead:
      health.presence = BrokerPresence::ProcessDead;
      break;
  }
  return health;
}

LogsAwaited logs_awaited(const TopicEntry& topic, const PartitionEntry& partition,
                         env::MonotonicTime now) {
  const LogQuery& query = *partition.log_query;
  LogsAwaited logs{.awaited = awaited_logs(topic, partition)};
  env::MonotonicTime wait_until = query.wait_until;
  for (const auto& [broker, asked] : query.asked) {
    logs.asked.push_back(broker);
    if (!query.answers.contains(broker)) wait_until = std::max(wait_until, asked.wait_until);
  }
  for (const auto& [broker, answer] : query.answers) logs.answered.push_back(broker);
  logs.time_left = std::max(env::Duration{}, wait_until - now);
  return logs;
}

PartitionStanding standing_of_partition(const ClusterModel& model, const TopicPartition& name,
                                        env::MonotonicTime now) {
  PartitionStanding told{.partition = name};
  const PartitionEntry* const partition = model.find_partition(name);
  if (partition == nullptr) {
    told.error = ErrorCode::UnknownTopicOrPartition;
    return told;
  }
  const TopicEntry& topic = *model.find_topic(name.topic);
  told.assignment = partition->assignment;
  told.state = partition->state;
  told.rules = topic.rules;
  told.is_being_deleted = topic.phase != TopicPhase::Live;
  told.since = age(partition->state_since, now);
  if (partition->log_query) told.logs_awaited = logs_awaited(topic, *partition, now);
  for (const BrokerId broker : partition->assignment.replicas) {
    told.replicas.push_back({broker, standing_of(model, name, *partition, broker),
                             model.offline_replicas.contains({broker, name})});
  }
  return told;
}

}  // namespace

Standing standing_of(const ClusterModel& model, const TopicPartition& name,
                     const PartitionEntry& partition, BrokerId broker) {
  const auto found = model.brokers.find(broker);
  if (found == model.brokers.end()) return Standing::Unregistered;
  const BrokerEntry& entry = found->second;
  if (entry.liveness == rpc::Liveness::ProcessDead) return Standing::ProcessDead;
  if (!model.offline_replicas.empty() && model.offline_replicas.contains({broker, name})) {
    return Standing::ProcessDead;
  }
  if (entry.liveness == rpc::Liveness::Silent && model.silence_counts()) return Standing::Silent;
  if (partition.is_in_doubt(broker)) return Standing::InDoubt;
  if (entry.shutting_down) return Standing::ShuttingDown;
  return cluster::contains(partition.restarted, broker) ? Standing::Restarted : Standing::Good;
}

std::vector<BrokerId> awaited_logs(const TopicEntry& topic, const PartitionEntry& partition) {
  const LogQuery& query = *partition.log_query;
  if (topic.rules.unclean_leader_election || partition.unclean_election_wanted) return {};
  std::vector<BrokerId> awaited;
  std::vector<BrokerId> not_heard;
  const LogEnd longest = query.longest();
  // Somebody may have rewritten the assignment by hand: nobody asks who is no replica.
  for (const BrokerId broker : partition.assignment.replicas) {
    if (query.answers.contains(broker)) continue;
    const auto told = query.told.find(broker);
    const bool is_heard = told != query.told.end();
    const bool may_have_more =
        is_heard ? told->second > longest : partition.state->may_hold_committed(broker);
    if (may_have_more) awaited.push_back(broker);
    if (!is_heard) not_heard.push_back(broker);
  }
  const bool all_are_empty = !query.answers.empty() && longest.log_end_offset == Offset(0);
  return awaited.empty() && all_are_empty ? not_heard : awaited;
}

void describe_model(const ClusterModel& model, const std::vector<TopicPartition>& partitions,
                    env::MonotonicTime now, ControllerHealth& health) {
  std::set<BrokerId> told;
  for (const auto& [id, entry] : model.brokers) told.insert(id);
  for (const TopicPartition& name : partitions) {
    PartitionStanding& one =
        health.partitions.emplace_back(standing_of_partition(model, name, now));
    told.insert(one.assignment.replicas.begin(), one.assignment.replicas.end());
  }
  for (const BrokerId id : told) health.brokers.push_back(health_of(model, id, now));
}

}  // namespace ottla::controller
