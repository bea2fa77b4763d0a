#include "controller/decider.h"

namespace ottla::controller {

bool Decider::is_slow(const Place& place, BrokerId broker) const {
  return !model_.slow_replicas.empty() && model_.slow_replicas.contains({broker, place.name()});
}

/// The report says all: what it does not name is well again. That moves no leader back; the balance
/// of leaders may.
void Decider::on(const SlowReplicasReported& event) {
  const BrokerId broker = event.body.broker;
  if (!model_.is_registered(broker, event.body.broker_epoch)) return;  // Of an older process.
  std::uint64_t& heard = model_.brokers[broker].slow_report;
  if (event.body.number != 0 && event.body.number <= heard) return;  // Late, or twice.
  heard = event.body.number;
  forget_slow_replicas_of(broker);
  for (const rpc::SlowReplicasReport::Replica& replica : event.body.replicas) {
    const TopicPartition tp{replica.topic, replica.partition};
    const TopicEntry* const topic = model_.find_topic(tp.topic);
    // Of another topic that had this name.
    if (topic != nullptr && !replica.topic_id.is_zero() && topic->id != replica.topic_id) continue;
    model_.slow_replicas.insert({broker, tp});
  }
  for (auto& [name, topic] : model_.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const Place place{topic, static_cast<std::int32_t>(i), topic.partitions[i]};
      if (!place.partition.state || !is_slow(place, place.partition.state->leader)) continue;
      reconcile(place, "slow leader");
    }
  }
}

}  // namespace ottla::controller
