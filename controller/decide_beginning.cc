#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "controller/decider.h"

namespace ottla::controller {
namespace {

constexpr const char* kCause = "new controller";

}  // namespace

void Decider::on(const ClusterOutlined& event) {
  model_.states_are_told = true;
  const std::set<std::string> deleted(event.topics_to_delete.begin(), event.topics_to_delete.end());
  for (const TopicRead& topic : event.topics) {
    const bool is_told = std::any_of(topic.states.begin(), topic.states.end(),
                                     [](const auto& state) { return state.has_value(); });
    // Brokers may have deleted their replicas, and would make them anew.
    const bool is_going = deleted.contains(topic.topic.name);
    if (is_told && !is_going && !topic.topic.id.is_zero()) add_topic(topic);
  }
  replace_registrations(event.brokers);
  for (const LivenessChanged& known : event.judged) {
    if (model_.is_registered(known.broker, known.broker_epoch)) {
      model_.brokers[known.broker].liveness = known.liveness;
      model_.brokers[known.broker].liveness_since = now_;
    }
  }
  announce_ = {};  // Every broker is told everything, later.
  announce_leaders_ = {};
  reconcile_all(kCause);
}

/// The topics are built anew from what was read. Brokers stay: what was found about them since is
/// newer.
void Decider::on(const ClusterRead& event) {
  model_.incomplete = event.incomplete;
  model_.states_are_told = false;
  const auto told = std::exchange(model_.topics, {});
  model_.names.clear();
  for (const TopicRead& topic : event.topics) add_topic(topic);
  for (const auto& [name, topic] : told) go_on_with(topic);
  replace_registrations(event.brokers);
  // Those that were known before its states were.
  for (const auto& [id, broker] : model_.brokers) {
    if (broker.registration.last_stop != cluster::LastStop::HostCrash) continue;
    doubt_replicas_of(id);
  }
  announce_ = {};  // Every broker is told everything.
  announce_leaders_ = {};
  on(DeletionRequested{event.topics_to_delete});
  reconcile_all(kCause);
}

/// Takes over what became of elections from told states, and those that are still being written.
void Decider::go_on_with(const TopicEntry& told) {
  TopicEntry* topic = model_.find_topic(told.name);
  if (topic == nullptr || topic->id != told.id) return;
  const std::size_t count = std::min(topic->partitions.size(), told.partitions.size());
  for (std::size_t i = 0; i < count; ++i) {
    PartitionEntry& partition = topic->partitions[i];
    const PartitionEntry& before = told.partitions[i];
    // The states may have been read before this controller's own writes.
    const bool is_ours = before.state && before.state->controller_epoch == model_.controller_epoch;
    if (is_ours &&
        (!partition.state || partition.state->partition_epoch < before.state->partition_epoch)) {
      adopt_state({*topic, static_cast<std::int32_t>(i), partition}, *before.state, false);
    }
    partition.writing = before.writing;
    partition.recheck = before.writing;
    partition.restarted_in_write = before.restarted_in_write;
  }
}

}  // namespace ottla::controller
