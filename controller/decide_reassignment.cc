#include <algorithm>
#include <utility>

#include "controller/decider.h"
#include "controller/node_room.h"
#include "controller/reassignment.h"

// A reassignment is two writes of the topic's znode, and what each of them needs before it:
//
//   wanted --> znode has old and new replicas --> all new ones in the ISR --> znode has the new
//   ones
//
// Before a write that drops replicas, leader and ISR are moved to those that stay; from then until
// the write is known nobody else may lead or join. So each step starts from what ZooKeeper holds,
// and the next controller goes on wherever the last one died.
namespace ottla::controller {
namespace {

bool is_everyone_in_sync(const std::vector<BrokerId>& replicas,
                         const cluster::PartitionState& state) {
  return std::all_of(replicas.begin(), replicas.end(),
                     [&](BrokerId broker) { return state.in_isr(broker); });
}

std::string list(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const BrokerId broker : brokers) {
    text += (text.empty() ? "" : ",") + std::to_string(broker.value());
  }
  return text;
}

}  // namespace

// ---- What is wanted ----

void Decider::on(const ReassignmentRequested& event) {
  PendingPartitions& pending = begin_pending(event.request, std::nullopt, event.deadline);
  NodeRoom room;
  for (const WantedReplicas& wanted : event.partitions) {
    if (const Result<> valid = check_wanted(wanted, room); !valid) {
      pending.done.push_back({wanted.partition, valid.error().code(), valid.error().message()});
      continue;
    }
    pending.outstanding.insert(wanted.partition);
  }
  const std::set<TopicPartition> accepted = pending.outstanding;
  for (const WantedReplicas& wanted : event.partitions) {
    if (!accepted.contains(wanted.partition)) continue;
    forget_reassignment(wanted.partition);
    want(wanted, event.request);
  }
  answer_if_complete(event.request);
}

void Decider::on(const ReassignmentsRead& event) {
  const auto is_gone = [&](const auto& known) {
    return std::none_of(event.partitions.begin(), event.partitions.end(),
                        [&](const auto& wanted) { return wanted.partition == known.first; });
  };
  std::erase_if(model_.reassignments_in_znode, is_gone);
  std::erase_if(model_.reassignments_forgotten, is_gone);
  // A tool that was asked for nothing leaves a list of nothing, on which the next one would wait.
  if (event.exists && event.partitions.empty()) reassignments_changed_ = true;
  NodeRoom room;
  for (const WantedReplicas& wanted : event.partitions) {
    const auto known = model_.reassignments_in_znode.find(wanted.partition);
    if (known != model_.reassignments_in_znode.end() && known->second == wanted.replicas) continue;
    const auto forgotten = model_.reassignments_forgotten.find(wanted.partition);
    if (forgotten != model_.reassignments_forgotten.end() && forgotten->second == wanted.replicas) {
      continue;  // Replaced by a request, and the write that takes it out is under way.
    }
    if (!wanted.replicas || !check_wanted(wanted, room)) {
      reassignments_changed_ = true;
      continue;
    }
    model_.reassignments_in_znode[wanted.partition] = *wanted.replicas;
    const PartitionEntry& partition = *model_.find_partition(wanted.partition);
    const bool under_way = target_of(partition.assignment) == *wanted.replicas;
    if (!under_way) {
      want(wanted, std::nullopt);
    } else if (!is_reassigning(partition.assignment)) {
      forget_reassignment(wanted.partition);
    }
  }
}

/// The codes are those of Kafka 3.9's controller.
Result<> Decider::check_wanted(const WantedReplicas& wanted, NodeRoom& room) const {
  PartitionEntry* const partition = model_.find_partition(wanted.partition);
  TopicEntry* const topic = model_.find_topic(wanted.partition.topic);
  if (partition == nullptr || topic->phase != TopicPhase::Live) {
    return fail(ErrorCode::UnknownTopicOrPartition, "The partition does not exist.");
  }
  if (!wanted.replicas) {
    if (is_reassigning(partition->assignment) || partition->wanted) return {};
    return fail(ErrorCode::NoReassignmentInProgress);
  }
  const std::vector<BrokerId>& replicas = *wanted.replicas;
  if (replicas.empty()) {
    return fail(ErrorCode::InvalidReplicaAssignment, "The list of replicas is empty.");
  }
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    if (replicas[i].value() < 0) {
      return fail(ErrorCode::InvalidReplicaAssignment,
                  "Broker " + std::to_string(replicas[i].value()) + " cannot be.");
    }
    if (std::count(replicas.begin(), replicas.end(), replicas[i]) > 1) {
      return fail(ErrorCode::InvalidReplicaAssignment,
                  "Broker " + std::to_string(replicas[i].value()) + " stands twice in the list.");
    }
  }
  std::vector<BrokerId> away;
  for (const BrokerId broker : reassigned(partition->assignment, replicas).adding) {
    const auto found = model_.brokers.find(broker);
    if (found == model_.brokers.end() || found->second.liveness == rpc::Liveness::ProcessDead) {
      away.push_back(broker);
    }
  }
  if (!away.empty()) {
    return fail(ErrorCode::InvalidReplicaAssignment, "Not alive: broker " + list(away) + ".");
  }
  return check_node_room({*topic, wanted.partition.partition, *partition}, replicas, room);
}

/// While a partition moves its topic's znode has old and new replicas.
Result<> Decider::check_node_room(const Place& place, const std::vector<BrokerId>& target,
                                  NodeRoom& room) const {
  const auto planned = [](std::int32_t number, const PartitionEntry& partition) {
    const auto& wanted = partition.wanted;
    return node_bytes(number, wanted && wanted->target
                                  ? reassigned(partition.assignment, *wanted->target)
                                  : partition.assignment);
  };
  const auto [taken, is_first] = room.try_emplace(&place.topic, 0);
  if (is_first) {
    std::int32_t number = 0;
    for (const PartitionEntry& partition : place.topic.partitions) {
      taken->second += planned(number++, partition);
    }
  }
  const std::size_t bytes =
      taken->second - planned(place.number, place.partition) +
      node_bytes(place.number, reassigned(place.partition.assignment, target));
  if (bytes > kNodeBytes) {
    return fail(ErrorCode::InvalidReplicaAssignment,
                "The topic's ZooKeeper node takes " + std::to_string(kNodeBytes) +
                    " bytes: reassign fewer of its partitions at a time.");
  }
  taken->second = bytes;
  return {};
}

void Decider::want(const WantedReplicas& wanted, std::optional<RequestId> request) {
  TopicEntry& topic = *model_.find_topic(wanted.partition.topic);
  const Place place{topic, wanted.partition.partition, *model_.find_partition(wanted.partition)};
  if (place.partition.wanted) {
    end_wanted(place, ErrorCode::OperationNotAttempted, "A newer request wants something else.");
  }
  place.partition.wanted = WantedAssignment{wanted.replicas, request};
  reconcile(place, "reassignment");
}

void Decider::end_wanted(Place place, ErrorCode error, std::string message) {
  const auto wanted = std::exchange(place.partition.wanted, std::nullopt);
  if (wanted && wanted->request) {
    answer_partition(*wanted->request, {place.name(), error, std::move(message)});
  }
}

/// It is done, refused, or replaced by a request: the znode need not say it any more.
void Decider::forget_reassignment(const TopicPartition& tp) {
  auto node = model_.reassignments_in_znode.extract(tp);
  if (node.empty()) return;
  model_.reassignments_forgotten[tp] = std::move(node.mapped());
  reassignments_changed_ = true;
}

void Decider::write_reassignments() {
  Write write;
  write.kind = WriteKind::SetReassignments;
  for (const auto& [tp, replicas] : model_.reassignments_in_znode) {
    write.reassignments.push_back({tp, replicas});
  }
  write.cause = "reassignment";
  // Before the topic's: who died after that one would leave what a request has replaced to be
  // found.
  other_.insert(other_.begin(), std::move(write));
}

void Decider::reassignments_written(const WriteOutcome& outcome) {
  if (!outcome.committed) {
    reassignments_changed_ = true;
    return;
  }
  const std::vector<WantedReplicas>& written = outcome.write.reassignments;
  const auto& now = model_.reassignments_in_znode;
  const bool is_newest =
      written.size() == now.size() &&
      std::all_of(written.begin(), written.end(), [&](const WantedReplicas& wanted) {
        const auto found = now.find(wanted.partition);
        return found != now.end() && found->second == wanted.replicas;
      });
  if (is_newest) model_.reassignments_forgotten.clear();
}

// ---- From here to there ----

/// Where the assignment goes from here: what is being written, what was asked for, or the end of a
/// reassignment whose replicas are all in sync.
std::optional<cluster::Assignment> Decider::next_assignment(const Place& place) const {
  const PartitionEntry& partition = place.partition;
  const auto in_write = place.topic.assignments_in_write.find(place.number);
  if (in_write != place.topic.assignments_in_write.end()) return in_write->second;
  if (const auto& wanted = partition.wanted) {
    return wanted->target ? reassigned(partition.assignment, *wanted->target)
                          : cluster::Assignment{origin_of(partition.assignment), {}, {}};
  }
  if (!is_reassigning(partition.assignment) || !partition.state) return std::nullopt;
  cluster::Assignment end{target_of(partition.assignment), {}, {}};
  if (!is_everyone_in_sync(end.replicas, *partition.state)) return std::nullopt;
  return end;
}

/// Leader and ISR go to those that stay, if one of them may lead: nothing is given up for the sake
/// of order. Then the assignment is due.
void Decider::move_replicas(Place place) {
  if (place.topic.writing || place.topic.outdated) return;
  PartitionEntry& partition = place.partition;
  auto next = next_assignment(place);
  if (next == partition.assignment) {
    end_wanted(place, ErrorCode::None, "");
    next = next_assignment(place);  // Perhaps nothing has to be copied for it.
  }
  if (!next) return;
  if (!may_move(place, *next)) {
    const Verdict verdict =
        elect(*partition.state, candidates(place, next->replicas), place.topic.rules);
    // Who is only eligible has all that is committed, but then it would be alone with it.
    const BrokerId leader = verdict.state ? verdict.state->leader : kNoBroker;
    if (partition.state->in_isr(leader) && is_sure_of(leader)) {
      write_state(place, *verdict.state, "reassignment");
    }
    return;
  }
  topics_to_write_.insert(place.topic.name);
}

/// Whether nobody whom `next` drops leads or is in the ISR. While nobody leads nobody is dropped,
/// nor while the leader is silent: those who were in sync may come back without their records, and
/// then another's are all there are (W1). Kafka drops replicas that a cancelled reassignment was
/// adding in any case.
bool Decider::may_move(const Place& place, const cluster::Assignment& next) const {
  if (place.partition.writing) return false;
  if (!place.partition.state) return true;
  const cluster::PartitionState& state = *place.partition.state;
  const std::vector<BrokerId> dropped = replicas_dropped(place.partition.assignment, next);
  const bool may_be_lost =
      state.leader == kNoBroker || standing(place, state.leader) == Standing::Silent;
  if (may_be_lost) return dropped.empty();
  if (!dropped.empty() && !is_sure_of(state.leader)) return false;
  return std::none_of(dropped.begin(), dropped.end(), [&](BrokerId broker) {
    return broker == state.leader || state.in_isr(broker);
  });
}

/// Whether nothing is known to be wrong with its logs because it has said so, and not because it
/// has not been asked: what others hold is deleted for it.
bool Decider::is_sure_of(BrokerId broker) const {
  const auto found = model_.brokers.find(broker);
  return found != model_.brokers.end() && found->second.logs_are_known;
}

/// All that is due in one topic goes into one write.
void Decider::write_assignments(TopicEntry& topic) {
  if (topic.phase != TopicPhase::Live || topic.writing || topic.outdated) return;
  cluster::Topic content{topic.name, topic.id, {}};
  std::map<std::int32_t, cluster::Assignment> due;
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const Place place{topic, static_cast<std::int32_t>(i), topic.partitions[i]};
    content.partitions.push_back(place.partition.assignment);
    const auto next = next_assignment(place);
    if (!next || *next == place.partition.assignment || !may_move(place, *next)) continue;
    content.partitions.back() = *next;
    due[place.number] = *next;
  }
  if (due.empty()) return;
  topic.assignments_in_write = std::move(due);
  topic.writing = true;
  Write write;
  write.kind = WriteKind::SetTopic;
  write.topic = topic.name;
  write.topic_id = topic.id;
  write.content = std::move(content);
  write.version = topic.version;
  write.cause = "reassignment";
  other_.push_back(std::move(write));
}

void Decider::assignments_written(TopicEntry& topic, const Write& write) {
  const auto written = std::exchange(topic.assignments_in_write, {});
  for (const auto& [number, assignment] : written) {
    const Place place{topic, number, topic.partitions[static_cast<std::size_t>(number)]};
    if (place.partition.assignment != assignment) take_assignment(place, assignment, true);
  }
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const Place place{topic, static_cast<std::int32_t>(i), topic.partitions[i]};
    if (next_assignment(place) || place.partition.epoch_due) reconcile(place, write.cause);
  }
}

/// ZooKeeper holds another assignment. Replicas that it drops are told to stop, and to delete their
/// logs if it was this controller that dropped them.
void Decider::take_assignment(Place place, const cluster::Assignment& next, bool ours) {
  PartitionEntry& partition = place.partition;
  const std::vector<BrokerId> dropped = replicas_dropped(partition.assignment, next);
  const bool added = !replicas_dropped(next, partition.assignment).empty();
  partition.assignment = next;
  partition.epoch_due |= added;
  const LeaderEpoch epoch = partition.state ? partition.state->leader_epoch : LeaderEpoch(0);
  for (const BrokerId broker : dropped) {
    std::erase(partition.restarted, broker);
    std::erase(partition.doubted, broker);
    model_.offline_replicas.erase({broker, place.name()});
    if (!model_.brokers.contains(broker)) continue;
    StopReplicas& stop = stops_[broker];
    stop.broker = broker;
    stop.replicas.push_back({place.topic.name, place.topic.id, place.number, epoch, ours});
  }
  // With new replicas a new leader epoch tells everybody.
  const bool is_led = partition.state && partition.state->leader != kNoBroker;
  if (partition.state && !(added && is_led)) announce_.partitions.push_back(place.name());
  if (!is_reassigning(next)) forget_reassignment(place.name());
}

}  // namespace ottla::controller
