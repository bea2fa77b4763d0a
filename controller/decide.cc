#include "controller/decide.h"

#include <algorithm>
#include <utility>

#include "controller/decider.h"

namespace ottla::controller {

Decision decide(ClusterModel& model, const Event& event, env::MonotonicTime now) {
  Decider decider(model, now);
  std::visit([&](const auto& e) { decider.on(e); }, event);
  return std::move(decider).finish();
}

Decision Decider::finish() && {
  for (const std::string& name : std::exchange(topics_to_write_, {})) {
    if (TopicEntry* topic = model_.find_topic(name)) write_assignments(*topic);
  }
  if (reassignments_changed_) write_reassignments();
  out_.writes = std::move(urgent_);
  out_.writes.insert(out_.writes.end(), std::make_move_iterator(other_.begin()),
                     std::make_move_iterator(other_.end()));
  if (brokers_changed_) out_.commands.emplace(out_.commands.begin(), AnnounceBrokers{});
  announce_new_.is_new = true;
  announce_leaders_.is_urgent = true;
  if (!announce_leaders_.partitions.empty()) out_.commands.push_back(std::move(announce_leaders_));
  if (!announce_new_.partitions.empty()) out_.commands.push_back(std::move(announce_new_));
  if (!announce_.partitions.empty()) out_.commands.push_back(std::move(announce_));
  for (auto& [broker, stop] : stops_) out_.commands.push_back(std::move(stop));
  for (auto& [broker, partitions] : queries_) {
    out_.commands.push_back(AskLogs{broker, std::move(partitions)});
  }
  for (const TopicPartition& tp : model_.log_queries) {
    const LogQuery& query = *model_.find_partition(tp)->log_query;
    const env::MonotonicTime next = now_ < query.wait_until
                                        ? std::min(query.wait_until, query.ask_again_at)
                                        : query.ask_again_at;
    wake_at(next);
  }
  for (const auto& [request, pending] : model_.pending_partitions) wake_at(pending.deadline);
  return std::move(out_);
}

void Decider::wake_at(env::MonotonicTime time) {
  if (!out_.wake_at || time < *out_.wake_at) out_.wake_at = time;
}

void Decider::reconcile_all(const char* cause) {
  for (auto& [name, topic] : model_.topics) reconcile_topic(topic, cause);
}

void Decider::reconcile_topic(TopicEntry& topic, const char* cause) {
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    reconcile({topic, static_cast<std::int32_t>(i), topic.partitions[i]}, cause);
  }
}

void Decider::reconcile(Place place, const char* cause) {
  PartitionEntry& partition = place.partition;
  if (place.topic.phase != TopicPhase::Live) return;
  if (partition.writing) {
    partition.recheck = true;
    return;
  }
  if (model_.states_are_told) return replace_dead_leader(place, cause);
  move_replicas(place);
  if (partition.writing) return;
  if (!partition.state) {  // There is nothing yet that could be missing.
    partition.restarted.clear();
    partition.doubted.clear();
  }
  const std::vector<Candidate> replicas = candidates(place);
  if (!partition.state) {
    if (auto first = first_state(replicas, model_.controller_epoch)) {
      write_state(place, *std::move(first), "new partition");
    }
    return;
  }
  const Verdict verdict =
      elect(*partition.state, replicas, place.topic.rules, partition.unclean_election_wanted);
  if (verdict.ask_logs.empty()) end_query(place);
  if (verdict.state) {
    write_state(place, *verdict.state, cause);
  } else if (partition.epoch_due && partition.state->leader != kNoBroker) {
    cluster::PartitionState next = *partition.state;
    next.leader_epoch = next.leader_epoch.next();
    write_state(place, std::move(next), "replicas added");
  }
  if (!verdict.ask_logs.empty()) ask_logs(place, verdict);
}

/// What is told may be outdated, and is no ground for anything else: that a replica has nothing to
/// settle, that a reassignment is done, that there is no state yet. If it is outdated here, the
/// write fails, and what ZooKeeper holds comes back.
void Decider::replace_dead_leader(Place place, const char* cause) {
  const auto& state = place.partition.state;
  if (!state || state->leader == kNoBroker) return;
  const Standing leader = standing(place, state->leader);
  if (leader != Standing::ProcessDead && leader != Standing::Unregistered &&
      leader != Standing::Silent) {
    return;
  }
  Verdict verdict = elect(*state, candidates(place), place.topic.rules, false);
  if (!verdict.state || verdict.state->leader == kNoBroker) return;
  if (verdict.state->leader == state->leader) return;  // A silent one whom nobody can replace.
  write_state(place, *std::move(verdict.state), cause);
}

/// Those whom a write of the assignment under way drops do not count any more: when it is committed
/// they are told to delete their logs. Those whom it adds do not count yet.
std::vector<Candidate> Decider::candidates(const Place& place) const {
  const std::vector<BrokerId>& replicas = place.partition.assignment.replicas;
  const auto in_write = place.topic.assignments_in_write.find(place.number);
  if (in_write == place.topic.assignments_in_write.end()) return candidates(place, replicas);
  std::vector<BrokerId> kept = replicas;
  std::erase_if(
      kept, [&](BrokerId broker) { return !cluster::contains(in_write->second.replicas, broker); });
  return candidates(place, kept);
}

std::vector<Candidate> Decider::candidates(const Place& place,
                                           const std::vector<BrokerId>& among) const {
  std::vector<Candidate> result;
  result.reserve(among.size());
  for (const BrokerId broker : among) {
    result.push_back({.broker = broker,
                      .standing = standing(place, broker),
                      .is_slow = is_slow(place, broker),
                      .is_in_doubt = place.partition.is_in_doubt(broker),
                      .is_offline = model_.offline_replicas.contains({broker, place.name()})});
  }
  return result;
}

void Decider::write_state(Place place, cluster::PartitionState next, const char* cause,
                          std::optional<RequestId> request) {
  PartitionEntry& partition = place.partition;
  const bool has_node = partition.state && partition.state->partition_epoch.value() >= 0;
  const bool urgent = !request && (!partition.state || partition.state->leader != next.leader);
  next.controller_epoch = model_.controller_epoch;

  Write write;
  write.kind = has_node ? WriteKind::SetState : WriteKind::CreateState;
  write.topic = place.topic.name;
  write.topic_id = place.topic.id;
  write.partition = place.number;
  write.state = std::move(next);
  write.request = request;
  write.cause = cause;
  write.is_urgent = urgent;
  partition.writing = true;
  partition.recheck = false;
  if (!request) partition.restarted_in_write = std::exchange(partition.restarted, {});
  (urgent ? urgent_ : other_).push_back(std::move(write));
}

void Decider::adopt_state(Place place, const cluster::PartitionState& state, bool is_new) {
  PartitionEntry& partition = place.partition;
  if (partition.state && state.leader_epoch > partition.state->leader_epoch) {
    partition.epoch_due = false;
  }
  if (state.leader != kNoBroker) partition.unclean_election_wanted = false;
  const bool has_other_leader = partition.state && partition.state->leader != state.leader;
  if (partition.state) partition.state_since = now_;
  partition.state = state;
  std::erase_if(partition.restarted, [&](BrokerId broker) { return !state.in_isr(broker); });
  std::erase_if(partition.doubted, [&](BrokerId broker) { return !state.is_trusted(broker); });
  advance(partition.phase,
          state.leader == kNoBroker ? PartitionPhase::Offline : PartitionPhase::Online);
  Announce& announce = is_new ? announce_new_ : has_other_leader ? announce_leaders_ : announce_;
  announce.partitions.push_back(place.name());
}

}  // namespace ottla::controller
