#include <algorithm>
#include <utility>

#include "controller/decider.h"
#include "controller/reassignment.h"

namespace ottla::controller {
namespace {

void erase_all_of(BrokerId broker, std::set<std::pair<BrokerId, TopicPartition>>& replicas) {
  const auto begin = replicas.lower_bound({broker, TopicPartition{"", INT32_MIN}});
  auto end = begin;
  while (end != replicas.end() && end->first == broker) ++end;
  replicas.erase(begin, end);
}

}  // namespace

void Decider::on(const BrokersRead& event) {
  if (!replace_registrations(event.brokers)) return;
  reconcile_all("brokers changed");
  continue_deletions();
}

/// Takes the registrations into the model; whether anything changed.
bool Decider::replace_registrations(const std::vector<cluster::Broker>& brokers) {
  const std::size_t before = model_.brokers.size();
  std::erase_if(model_.brokers, [&](const auto& known) {
    const bool gone = std::none_of(brokers.begin(), brokers.end(),
                                   [&](const auto& b) { return b.id == known.first; });
    if (!gone) return false;
    forget_offline_replicas_of(known.first);
    forget_slow_replicas_of(known.first);
    model_.gone_since[known.first] = now_;
    return true;
  });
  bool changed = model_.brokers.size() != before;
  for (const cluster::Broker& broker : brokers) {
    const auto known = model_.brokers.find(broker.id);
    if (known != model_.brokers.end() && known->second.registration == broker) continue;
    changed = true;
    if (known != model_.brokers.end() && known->second.registration.epoch == broker.epoch) {
      known->second.registration = broker;  // Its listeners changed.
    } else if (known != model_.brokers.end() && !broker.start_nonce.empty() &&
               known->second.registration.start_nonce == broker.start_nonce &&
               known->second.registration.log_dirs_returned == broker.log_dirs_returned) {
      known->second.registration = broker;  // The same process in a new session: its logs are as
      known->second.shutting_down = false;  // they were.
      tell_anew(broker.id);
    } else {
      registered(broker, known != model_.brokers.end());
    }
  }
  brokers_changed_ |= changed;
  return changed;
}

void Decider::registered(const cluster::Broker& broker, bool was_known) {
  forget_offline_replicas_of(broker.id);
  forget_slow_replicas_of(broker.id);
  // Those that a new controller finds are older than its knowledge.
  const bool is_new = was_known || model_.gone_since.contains(broker.id);
  model_.gone_since.erase(broker.id);
  model_.brokers[broker.id] =
      BrokerEntry{broker, rpc::Liveness::Alive, false, is_new ? now_ : env::MonotonicTime{}};
  if (broker.last_stop == cluster::LastStop::HostCrash) {
    doubt_replicas_of(broker.id);
  } else {
    note_restart_of(broker.id, was_known);
  }
  tell_anew(broker.id);
}

/// It registered anew: what it was told before, or answered, may be lost.
void Decider::tell_anew(BrokerId broker) {
  out_.commands.push_back(SendFull{broker});
  resend_stop_replicas(broker);
}

/// Its host crashed. What a new controller finds it cannot date: it doubts once more.
void Decider::doubt_replicas_of(BrokerId broker) {
  for (auto& [name, topic] : model_.topics) {
    for (PartitionEntry& partition : topic.partitions) doubt(partition, broker);
  }
}

/// Before a write under way is known to hold, anybody may be trusted by it.
void Decider::doubt(PartitionEntry& partition, BrokerId broker) {
  if (!cluster::contains(partition.assignment.replicas, broker)) return;
  const bool is_trusted = partition.state && partition.state->is_trusted(broker);
  if (!is_trusted && !partition.writing) return;
  if (!cluster::contains(partition.doubted, broker)) partition.doubted.push_back(broker);
  partition.recheck |= partition.writing;
}

/// A member of the ISR that was started again holds all that it had. It is known to be one only if
/// its former process was registered until now, or a write is under way that may not know of it.
void Decider::note_restart_of(BrokerId broker, bool was_known) {
  for (auto& [name, topic] : model_.topics) {
    for (PartitionEntry& partition : topic.partitions) {
      if (!cluster::contains(partition.assignment.replicas, broker)) continue;
      const bool is_member = was_known && partition.state && partition.state->in_isr(broker);
      if (!is_member && !partition.writing) continue;
      if (!cluster::contains(partition.restarted, broker)) partition.restarted.push_back(broker);
      partition.recheck |= partition.writing;
    }
  }
}

void Decider::forget_offline_replicas_of(BrokerId broker) {
  erase_all_of(broker, model_.offline_replicas);
}
void Decider::forget_slow_replicas_of(BrokerId broker) {
  erase_all_of(broker, model_.slow_replicas);
}

void Decider::on(const LivenessChanged& event) {
  if (!model_.is_registered(event.broker, event.broker_epoch)) return;  // Of an older process.
  BrokerEntry& broker = model_.brokers[event.broker];
  if (broker.liveness == event.liveness) return;
  const bool was_dead = broker.liveness == rpc::Liveness::ProcessDead;
  broker.liveness = event.liveness;
  broker.liveness_since = now_;
  const bool is_dead = event.liveness == rpc::Liveness::ProcessDead;
  brokers_changed_ |= was_dead != is_dead;
  if (event.liveness == rpc::Liveness::Alive) out_.commands.push_back(SendFull{event.broker});
  reconcile_all(is_dead                                   ? "broker's process is dead"
                : event.liveness == rpc::Liveness::Silent ? "broker is silent"
                                                          : "broker is heard again");
  continue_deletions();
}

void Decider::on(const CommandDone& event) {
  if (!model_.is_registered(event.broker, event.broker_epoch)) return;
  if (event.everything) find_replicas_online_again(event);
  const bool moves_waited =
      event.everything && !std::exchange(model_.brokers[event.broker].logs_are_known, true);
  for (const rpc::PartitionOutcome& outcome : event.outcomes) {
    const TopicPartition tp{outcome.topic, outcome.partition};
    TopicEntry* topic = model_.find_topic(outcome.topic);
    PartitionEntry* partition = model_.find_partition(tp);
    if (partition == nullptr) continue;
    if (!outcome.topic_id.is_zero() && outcome.topic_id != topic->id) continue;
    const Place place{*topic, tp.partition, *partition};
    if (outcome.log_is_lost) {
      doubt(*partition, event.broker);
      reconcile(place, "log is lost");
    } else if (outcome.error == ErrorCode::KafkaStorageError &&
               model_.offline_replicas.insert({event.broker, tp}).second) {
      reconcile(place, "log dir failed");
    }
  }
  for (const rpc::StopReplica& stopped : event.stopped) {
    TopicEntry* topic = model_.find_topic(stopped.topic);
    if (topic == nullptr || topic->id != stopped.topic_id) continue;
    topic->replicas_to_stop.erase({stopped.partition, event.broker});
  }
  if (moves_waited) go_on_with_moves();
  continue_deletions();
}

void Decider::go_on_with_moves() {
  for (auto& [name, topic] : model_.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      PartitionEntry& partition = topic.partitions[i];
      if (!partition.wanted && !is_reassigning(partition.assignment)) continue;
      reconcile({topic, static_cast<std::int32_t>(i), partition}, "logs are known");
    }
  }
}

/// A full disk has room again: the broker asks for everything, and opens what it could not.
void Decider::find_replicas_online_again(const CommandDone& event) {
  std::vector<TopicPartition> online;
  for (const auto& [broker, tp] : model_.offline_replicas) {
    const bool is_named = std::any_of(
        event.outcomes.begin(), event.outcomes.end(), [&](const rpc::PartitionOutcome& outcome) {
          return outcome.topic == tp.topic && outcome.partition == tp.partition;
        });
    if (broker == event.broker && !is_named) online.push_back(tp);
  }
  for (const TopicPartition& tp : online) {
    model_.offline_replicas.erase({event.broker, tp});
    PartitionEntry* partition = model_.find_partition(tp);
    if (partition == nullptr) continue;
    reconcile({*model_.find_topic(tp.topic), tp.partition, *partition}, "replica is online again");
  }
}

}  // namespace ottla::controller
