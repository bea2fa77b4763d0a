#include <map>

#include "controller/decider.h"

namespace ottla::controller {
namespace {

struct Share {
  std::int64_t preferring = 0;     ///< Partitions that prefer the broker as leader.
  std::int64_t led_by_others = 0;  ///< Those of them that another broker leads.
};

}  // namespace

void Decider::on(const PreferredLeadersWanted& event) {
  for (const TopicPartition& tp : event.partitions) {
    PartitionEntry* partition = model_.find_partition(tp);
    if (partition == nullptr) continue;
    prefer_leader({*model_.find_topic(tp.topic), tp.partition, *partition});
  }
}

void Decider::on(const LeadersToBeBalanced& event) {
  const auto each_partition = [this](auto&& visit) {
    for (auto& [name, topic] : model_.topics) {
      if (topic.phase != TopicPhase::Live) continue;
      for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        PartitionEntry& partition = topic.partitions[i];
        if (!partition.state || partition.assignment.replicas.empty()) continue;
        visit(Place{topic, static_cast<std::int32_t>(i), partition});
      }
    }
  };
  std::map<BrokerId, Share> shares;
  each_partition([&](const Place& place) {
    const BrokerId preferred = place.partition.assignment.replicas.front();
    Share& share = shares[preferred];
    ++share.preferring;
    if (place.partition.state->leader != preferred) ++share.led_by_others;
  });
  each_partition([&](const Place& place) {
    const Share& share = shares[place.partition.assignment.replicas.front()];
    if (100 * share.led_by_others > event.percentage * share.preferring) prefer_leader(place);
  });
}

/// Only towards a replica that is in sync and well: this election is for order, not for need.
void Decider::prefer_leader(Place place) {
  PartitionEntry& partition = place.partition;
  if (place.topic.phase != TopicPhase::Live || partition.writing || !partition.state) return;
  const BrokerId preferred = partition.assignment.replicas.front();
  const cluster::PartitionState& state = *partition.state;
  if (state.leader == preferred || state.leader == kNoBroker || !state.in_isr(preferred)) return;
  if (standing(place, preferred) != Standing::Good) return;
  cluster::PartitionState next = state;
  next.leader = preferred;
  next.leader_epoch = state.leader_epoch.next();
  write_state(place, std::move(next), "preferred leader");
}

}  // namespace ottla::controller
