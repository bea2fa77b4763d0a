#include <algorithm>
#include <map>
#include <utility>

#include "controller/decider.h"

namespace ottla::controller {
namespace {

constexpr const char* kIdDropped = "an old tool dropped the topic's id";

}  // namespace

void Decider::on(const TopicsRead& event) {
  for (const TopicRead& read : event.topics) take_topic(read);
  if (!event.all) return;
  std::vector<std::string> gone;
  for (const auto& [name, topic] : model_.topics) {
    if (topic.phase == TopicPhase::Erasing) continue;  // Its own write tells.
    if (!std::binary_search(event.all->begin(), event.all->end(), name)) gone.push_back(name);
  }
  for (const std::string& name : gone) drop_topic(name);
}

void Decider::take_topic(const TopicRead& read) {
  if (!read.topic.id.is_zero() && model_.deleted.contains(read.topic.id)) return;
  TopicEntry* known = model_.find_topic(read.topic.name);
  if (known != nullptr && !known->id.is_zero() && !read.topic.id.is_zero() &&
      known->id != read.topic.id) {
    drop_topic(read.topic.name);  // Deleted and created again behind our back.
    known = nullptr;
  }
  if (known == nullptr) {
    add_topic(read);
    TopicEntry& topic = *model_.find_topic(read.topic.name);
    // Its znodes may have been damaged until now, or made by another tool.
    for (const auto& [id, broker] : model_.brokers) {
      if (broker.registration.last_stop != cluster::LastStop::HostCrash) continue;
      for (PartitionEntry& partition : topic.partitions) doubt(partition, id);
    }
    reconcile_topic(topic, "new topic");
  } else {
    update_topic(*known, read);
  }
}

void Decider::add_topic(const TopicRead& read) {
  TopicEntry& topic = model_.topics[read.topic.name];
  topic.name = read.topic.name;
  topic.id = read.topic.id;
  topic.version = read.version;
  topic.rules = read.rules;
  topic.partitions.resize(read.topic.partitions.size());
  bool has_states = false;
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    topic.partitions[i].assignment = read.topic.partitions[i];
    if (i >= read.states.size() || !read.states[i]) continue;
    has_states = true;
    adopt_state({topic, static_cast<std::int32_t>(i), topic.partitions[i]}, *read.states[i], false);
    // Whoever wrote this may have died before the leader heard of its new replicas.
    topic.partitions[i].epoch_due = !topic.partitions[i].assignment.adding.empty();
  }
  // The replicas of a topic that was in use have its id on disk: a second one would make them
  // refuse it (KAFKA-14190, W5). Where it is not known they go on without; the metric
  // topics-without-id tells.
  if (topic.id.is_zero() && !read.lost_id.is_zero()) {
    keep_topic_id(topic, read, read.lost_id, kIdDropped);
    other_.back().gives_id_back = true;
  } else if (topic.id.is_zero() && !has_states) {
    keep_topic_id(topic, read, read.fresh_id, "new topic without an id");
  } else if (!topic.id.is_zero()) {
    model_.names[topic.id] = topic.name;
  }
}

void Decider::update_topic(TopicEntry& topic, const TopicRead& read) {
  if (topic.phase != TopicPhase::Live || read.version < topic.version) return;
  topic.version = read.version;
  topic.outdated = false;
  const auto in_write =
      topic.writing ? topic.assignments_in_write : std::exchange(topic.assignments_in_write, {});
  if (topic.id.is_zero() && !read.topic.id.is_zero()) {
    topic.id = read.topic.id;
    model_.names[topic.id] = topic.name;
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const Place place{topic, static_cast<std::int32_t>(i), topic.partitions[i]};
      if (place.partition.state) announce_.partitions.push_back(place.name());
    }
  } else if (!topic.id.is_zero() && read.topic.id.is_zero()) {
    keep_topic_id(topic, read, topic.id, kIdDropped);
    other_.back().gives_id_back = true;
  }
  topic.rules = read.rules;
  const std::size_t count = std::max(topic.partitions.size(), read.topic.partitions.size());
  topic.partitions.resize(count);
  for (std::size_t i = 0; i < read.topic.partitions.size(); ++i) {
    const Place place{topic, static_cast<std::int32_t>(i), topic.partitions[i]};
    PartitionEntry& partition = place.partition;
    if (partition.assignment != read.topic.partitions[i]) {
      const auto ours = in_write.find(place.number);
      take_assignment(place, read.topic.partitions[i],
                      ours != in_write.end() && ours->second == read.topic.partitions[i]);
    }
    const bool newer =
        i < read.states.size() && read.states[i] && !partition.writing &&
        (!partition.state || partition.state->partition_epoch < read.states[i]->partition_epoch);
    if (newer) adopt_state(place, *read.states[i], false);
    reconcile(place, "topic changed");
  }
}

/// Writes the id into the topic's znode.
void Decider::keep_topic_id(TopicEntry& topic, const TopicRead& read, TopicId id,
                            const char* cause) {
  topic.id = id;
  model_.names[id] = topic.name;
  topic.writing = true;
  Write write;
  write.kind = WriteKind::SetTopic;
  write.topic = topic.name;
  write.topic_id = id;
  write.content = read.topic;
  write.content->id = id;
  write.version = read.version;
  write.cause = cause;
  other_.push_back(std::move(write));
}

/// The topic is gone from ZooKeeper, whoever took it away.
void Decider::drop_topic(const std::string& name) {
  TopicEntry* topic = model_.find_topic(name);
  if (topic == nullptr) return;
  for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
    const Place place{*topic, static_cast<std::int32_t>(i), topic->partitions[i]};
    end_query(place);
    end_requests_of(place);
  }
  if (topic->phase == TopicPhase::Live || topic->phase == TopicPhase::LeadersOff) {
    out_.commands.push_back(AnnounceDeleted{name, topic->id});
  }
  model_.names.erase(topic->id);
  model_.deleting.erase(name);
  model_.topics.erase(name);
}

void Decider::on(const TopicRulesRead& event) {
  TopicEntry* topic = model_.find_topic(event.topic);
  if (topic == nullptr || topic->rules == event.rules) return;
  topic->rules = event.rules;
  reconcile_topic(*topic, "topic's configs changed");
}

// ---- Deletion ----

void Decider::on(const DeletionRequested& event) {
  for (const std::string& name : event.topics) {
    TopicEntry* topic = model_.find_topic(name);
    if (topic != nullptr && topic->phase != TopicPhase::Live) continue;
    if (topic == nullptr || !model_.delete_topic_enable) {
      Write write;
      write.kind = WriteKind::DeleteRequest;
      write.topic = name;
      write.cause = topic == nullptr ? "no such topic" : "delete.topic.enable=false";
      other_.push_back(std::move(write));
      continue;
    }
    advance(topic->phase, TopicPhase::LeadersOff);
    model_.deleting.insert(name);
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      const Place place{*topic, static_cast<std::int32_t>(i), topic->partitions[i]};
      end_query(place);
      end_requests_of(place);
    }
    continue_deletion(*topic);
  }
}

void Decider::continue_deletions() {
  for (const std::string& name : model_.deleting) continue_deletion(model_.topics.at(name));
}

void Decider::continue_deletion(TopicEntry& topic) {
  if (topic.phase == TopicPhase::LeadersOff && !take_leaders_off(topic)) {
    advance(topic.phase, TopicPhase::StoppingReplicas);
    out_.commands.push_back(AnnounceDeleted{topic.name, topic.id});
    stop_replicas(topic);
  }
  if (topic.phase != TopicPhase::StoppingReplicas) return;
  // A broker that is away counts as done: it finds its strays by their topic ids (W21).
  std::erase_if(topic.replicas_to_stop, [&](const auto& replica) {
    const auto& [number, broker] = replica;
    const Place place{topic, number, topic.partitions[static_cast<std::size_t>(number)]};
    const Standing now = standing(place, broker);
    return now == Standing::Unregistered || now == Standing::ProcessDead;
  });
  if (!topic.replicas_to_stop.empty()) return;
  advance(topic.phase, TopicPhase::Erasing);
  Write write;
  write.kind = WriteKind::DeleteTopic;
  write.topic = topic.name;
  write.topic_id = topic.id;
  write.cause = "deletion";
  other_.push_back(std::move(write));
}

/// Whether there is still a partition to wait for.
bool Decider::take_leaders_off(TopicEntry& topic) {
  bool waiting = false;
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    PartitionEntry& partition = topic.partitions[i];
    if (!partition.writing && partition.state && partition.state->leader != kNoBroker) {
      cluster::PartitionState next = *partition.state;
      next.leader = kNoBroker;
      next.leader_epoch = next.leader_epoch.next();
      write_state({topic, static_cast<std::int32_t>(i), partition}, std::move(next), "deletion");
    }
    waiting |= partition.writing;
  }
  return waiting;
}

void Decider::stop_replicas(TopicEntry& topic) {
  std::map<BrokerId, StopReplicas> commands;
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const auto number = static_cast<std::int32_t>(i);
    const PartitionEntry& partition = topic.partitions[i];
    for (const BrokerId broker : partition.assignment.replicas) {
      if (!model_.brokers.contains(broker)) continue;
      topic.replicas_to_stop.insert({number, broker});
      const LeaderEpoch epoch = partition.state ? partition.state->leader_epoch : LeaderEpoch(0);
      StopReplicas& command = commands[broker];
      command.broker = broker;
      command.replicas.push_back({topic.name, topic.id, number, epoch, true});
    }
  }
  for (auto& [broker, command] : commands) out_.commands.push_back(std::move(command));
}

void Decider::resend_stop_replicas(BrokerId broker) {
  StopReplicas command{broker, {}};
  for (const std::string& name : model_.deleting) {
    const TopicEntry& topic = model_.topics.at(name);
    for (const auto& [number, waiting_for] : topic.replicas_to_stop) {
      if (waiting_for != broker) continue;
      const auto& state = topic.partitions[static_cast<std::size_t>(number)].state;
      const LeaderEpoch epoch = state ? state->leader_epoch : LeaderEpoch(0);
      command.replicas.push_back({name, topic.id, number, epoch, true});
    }
  }
  if (!command.replicas.empty()) out_.commands.push_back(std::move(command));
}

}  // namespace ottla::controller
