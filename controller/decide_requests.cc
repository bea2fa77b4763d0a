#include <algorithm>

#include "controller/decider.h"

namespace ottla::controller {
namespace {

bool same_members(const std::vector<BrokerId>& isr, const std::vector<rpc::IsrMember>& members) {
  return isr.size() == members.size() &&
         std::all_of(members.begin(), members.end(), [&](const rpc::IsrMember& member) {
           return cluster::contains(isr, member.broker);
         });
}

}  // namespace

void Decider::on(const AlterPartitionRequested& event) {
  PendingAlter& pending = model_.pending_alters[event.request];
  if (!model_.is_registered(event.body.broker, event.body.broker_epoch)) {
    out_.answers.push_back(
        AlterAnswer{event.request, {.error = ErrorCode::StaleBrokerEpoch, .partitions = {}}});
    model_.pending_alters.erase(event.request);
    return;
  }
  pending.outstanding = event.body.partitions.size() + 1;  // One for this loop.
  for (const rpc::AlterPartition& alter : event.body.partitions) {
    bool already_so = false;
    const ErrorCode error = check_alter(alter, event.body.broker, already_so);
    rpc::AlterPartitionOutcome outcome{alter.topic, alter.topic_id, alter.partition, error, {}};
    if (error != ErrorCode::None) {
      answer_alter(event.request, std::move(outcome));
      continue;
    }
    const std::string& name =
        alter.topic_id.is_zero() ? alter.topic : model_.names.at(alter.topic_id);
    const TopicPartition tp{name, alter.partition};
    const Place place{*model_.find_topic(name), alter.partition, *model_.find_partition(tp)};
    if (already_so) {
      outcome.state = *place.partition.state;
      answer_alter(event.request, std::move(outcome));
      continue;
    }
    cluster::PartitionState next = *place.partition.state;
    next.isr.clear();
    for (const rpc::IsrMember& member : alter.new_isr) next.isr.push_back(member.broker);
    set_eligible(next, eligible_after(*place.partition.state, next, candidates(place),
                                      place.topic.rules.min_insync_replicas));
    next.recovering = false;  // Its leader serves: it has recovered.
    write_state(place, std::move(next), "leader's request", event.request);
  }
  if (--pending.outstanding == 0) {
    out_.answers.push_back(AlterAnswer{event.request, std::move(pending.reply)});
    model_.pending_alters.erase(event.request);
  }
}

/// The codes and their order are those of Kafka 3.9's controller.
ErrorCode Decider::check_alter(const rpc::AlterPartition& alter, BrokerId from,
                               bool& already_so) const {
  std::string name = alter.topic;
  if (!alter.topic_id.is_zero()) {
    const auto found = model_.names.find(alter.topic_id);
    if (found == model_.names.end()) return ErrorCode::UnknownTopicId;
    name = found->second;
  }
  TopicEntry* topic = model_.find_topic(name);
  PartitionEntry* partition = model_.find_partition({name, alter.partition});
  if (partition == nullptr || !partition->state || topic->phase != TopicPhase::Live) {
    return ErrorCode::UnknownTopicOrPartition;
  }
  const cluster::PartitionState& state = *partition->state;
  // A leader that knows more than this controller: somebody else holds the office by now.
  if (alter.leader_epoch > state.leader_epoch || alter.partition_epoch > state.partition_epoch) {
    return ErrorCode::NotController;
  }
  if (alter.leader_epoch < state.leader_epoch) return ErrorCode::FencedLeaderEpoch;
  if (from != state.leader) return ErrorCode::InvalidRequest;
  // Under the same partition epoch it is a withdrawal, and is written: what the leader asked before
  // and may still come is refused by the new one.
  if (!partition->writing && same_members(state.isr, alter.new_isr) &&
      alter.partition_epoch < state.partition_epoch) {
    already_so = true;  // Asked before; the answer was lost.
    return ErrorCode::None;
  }
  // A write under way moves the partition epoch, so this one is as good as old.
  if (partition->writing || alter.partition_epoch < state.partition_epoch) {
    return ErrorCode::InvalidUpdateVersion;
  }
  return check_new_isr({*topic, alter.partition, *partition}, alter);
}

ErrorCode Decider::check_new_isr(const Place& place, const rpc::AlterPartition& alter) const {
  const auto& replicas = place.partition.assignment.replicas;
  const auto in_write = place.topic.assignments_in_write.find(place.number);
  const auto is_being_dropped = [&](BrokerId broker) {
    if (in_write == place.topic.assignments_in_write.end()) return false;
    const auto& kept = in_write->second.replicas;
    return !cluster::contains(kept, broker);
  };
  bool has_leader = false;
  std::vector<BrokerId> seen;
  for (const rpc::IsrMember& member : alter.new_isr) {
    const bool twice = cluster::contains(seen, member.broker);
    const bool replica = cluster::contains(replicas, member.broker);
    if (twice || !replica) return ErrorCode::InvalidRequest;
    seen.push_back(member.broker);
    has_leader |= member.broker == place.partition.state->leader;
  }
  if (!has_leader) return ErrorCode::InvalidRequest;
  for (const rpc::IsrMember& member : alter.new_isr) {
    // KIP-841: who is away or leaves may stay until it is taken out, but not join.
    if (!place.partition.state->in_isr(member.broker) &&
        standing(place, member.broker) != Standing::Good) {
      return ErrorCode::IneligibleReplica;
    }
    // Nor may who is about to lose its copy.
    if (is_being_dropped(member.broker)) return ErrorCode::IneligibleReplica;
    // KIP-903: caught up, but then started again, perhaps with an empty log.
    if (member.broker_epoch != kUnknownBrokerEpoch &&
        !model_.is_registered(member.broker, member.broker_epoch)) {
      return ErrorCode::IneligibleReplica;
    }
  }
  return ErrorCode::None;
}

void Decider::answer_alter(RequestId request, rpc::AlterPartitionOutcome outcome) {
  const auto found = model_.pending_alters.find(request);
  if (found == model_.pending_alters.end()) return;
  found->second.reply.partitions.push_back(std::move(outcome));
  if (--found->second.outstanding > 0) return;
  out_.answers.push_back(AlterAnswer{request, std::move(found->second.reply)});
  model_.pending_alters.erase(found);
}

// ---- Controlled shutdown ----

void Decider::on(const ShutdownRequested& event) {
  const BrokerId broker = event.body.broker;
  const auto found = model_.brokers.find(broker);
  if (found == model_.brokers.end()) {
    out_.answers.push_back(
        ShutdownAnswer{event.request, {.error = ErrorCode::BrokerNotAvailable, .remaining = {}}});
    return;
  }
  if (found->second.registration.epoch != event.body.broker_epoch) {
    out_.answers.push_back(
        ShutdownAnswer{event.request, {.error = ErrorCode::StaleBrokerEpoch, .remaining = {}}});
    return;
  }
  found->second.shutting_down = true;
  reconcile_all("controlled shutdown");
  PendingShutdown& pending = model_.pending_shutdowns[event.request];
  pending.broker = broker;
  for (const auto& [name, topic] : model_.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const PartitionEntry& partition = topic.partitions[i];
      if (partition.writing && partition.state && partition.state->in_isr(broker)) {
        pending.outstanding.insert({name, static_cast<std::int32_t>(i)});
      }
    }
  }
  if (pending.outstanding.empty()) answer_shutdown(event.request, broker);
}

void Decider::shutdown_progress(const TopicPartition& tp) {
  if (model_.pending_shutdowns.empty()) return;
  const PartitionEntry* partition = model_.find_partition(tp);
  if (partition != nullptr && partition->writing) return;
  std::vector<std::pair<RequestId, BrokerId>> done;
  for (auto& [request, pending] : model_.pending_shutdowns) {
    pending.outstanding.erase(tp);
    if (pending.outstanding.empty()) done.emplace_back(request, pending.broker);
  }
  for (const auto& [request, broker] : done) answer_shutdown(request, broker);
}

/// What it still leads, without the partitions that have no other replica: those stay until the
/// end. Where it follows, it stops, so that no leader waits for it.
void Decider::answer_shutdown(RequestId request, BrokerId broker) {
  model_.pending_shutdowns.erase(request);
  rpc::ControlledShutdownReply reply;
  StopReplicas stop{broker, {}};
  for (const auto& [name, topic] : model_.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const PartitionEntry& partition = topic.partitions[i];
      const auto& replicas = partition.assignment.replicas;
      const auto number = static_cast<std::int32_t>(i);
      if (!partition.state || replicas.size() < 2 || topic.phase != TopicPhase::Live) continue;
      if (!cluster::contains(replicas, broker)) continue;
      if (partition.state->leader == broker) {
        reply.remaining.push_back({name, topic.id, number, ErrorCode::None});
      } else {
        stop.replicas.push_back({name, topic.id, number, partition.state->leader_epoch, false});
      }
    }
  }
  if (!stop.replicas.empty()) out_.commands.push_back(std::move(stop));
  out_.answers.push_back(ShutdownAnswer{request, std::move(reply)});
}

}  // namespace ottla::controller
