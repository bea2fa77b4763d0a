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

void Decider::on(const ElectionRequested& event) {
  std::vector<TopicPartition> asked;
  if (event.partitions) {
    asked = *event.partitions;
  } else {
    for (const auto& [name, topic] : model_.topics) {
      if (topic.phase != TopicPhase::Live) continue;
      for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        asked.push_back({name, static_cast<std::int32_t>(i)});
      }
    }
  }
  begin_pending(event.request, event.kind, event.deadline);
  for (const TopicPartition& tp : asked) {
    PartitionEntry* partition = model_.find_partition(tp);
    PendingPartitions& pending = model_.pending_partitions.at(event.request);
    if (partition == nullptr) {
      pending.done.push_back(
          {tp, ErrorCode::UnknownTopicOrPartition, "The partition does not exist."});
      continue;
    }
    const Place place{*model_.find_topic(tp.topic), tp.partition, *partition};
    const std::optional<ErrorCode> at_once = begin_election(event.kind, place);
    if (!at_once) {
      pending.outstanding.insert(tp);
    } else if (event.partitions || *at_once != ErrorCode::ElectionNotNeeded) {
      pending.done.push_back({tp, *at_once, ""});
    }
  }
  answer_if_complete(event.request);
}

/// What there is to say at once; nothing while the election is under way.
std::optional<ErrorCode> Decider::begin_election(ElectionKind kind, Place place) {
  PartitionEntry& partition = place.partition;
  if (place.topic.phase != TopicPhase::Live) return ErrorCode::UnknownTopicOrPartition;
  if (partition.state && partition.state->leader != kNoBroker) {
    const BrokerId leader = partition.state->leader;
    const Standing now = standing(place, leader);
    const bool is_alive = now != Standing::Unregistered && now != Standing::ProcessDead;
    const bool is_preferred = leader == partition.assignment.replicas.front();
    if (kind == ElectionKind::Preferred ? is_preferred : is_alive) {
      return ErrorCode::ElectionNotNeeded;
    }
  }
  if (kind == ElectionKind::Unclean) partition.unclean_election_wanted = true;
  return election_outcome(kind, place);
}

/// Tries (again), unless it is done or cannot be. Nothing: it is under way.
std::optional<ErrorCode> Decider::election_outcome(ElectionKind kind, Place place) {
  PartitionEntry& partition = place.partition;
  const auto is_done = [&] {
    if (!partition.state || partition.state->leader == kNoBroker) return false;
    return kind == ElectionKind::Unclean ||
           partition.state->leader == partition.assignment.replicas.front();
  };
  if (partition.writing) return std::nullopt;
  if (is_done()) return ErrorCode::None;
  if (kind == ElectionKind::Preferred) {
    prefer_leader(place);
    if (partition.writing) return std::nullopt;
    return ErrorCode::PreferredLeaderNotAvailable;
  }
  reconcile(place, "unclean election asked for");
  if (partition.writing || partition.log_query) return std::nullopt;
  partition.unclean_election_wanted = false;
  return ErrorCode::EligibleLeadersNotAvailable;
}

void Decider::election_progress(const TopicPartition& tp) {
  PartitionEntry* partition = model_.find_partition(tp);
  if (partition == nullptr) return;
  const Place place{*model_.find_topic(tp.topic), tp.partition, *partition};
  std::vector<std::pair<RequestId, ElectionKind>> waiting;
  for (const auto& [request, pending] : model_.pending_partitions) {
    if (!pending.election || !pending.outstanding.contains(tp)) continue;
    waiting.emplace_back(request, *pending.election);
  }
  for (const auto& [request, kind] : waiting) {
    if (const auto outcome = election_outcome(kind, place)) {
      answer_partition(request, {tp, *outcome, ""});
    }
  }
}

/// Only towards a replica that is in sync and well: this election is for order, not for need.
void Decider::prefer_leader(Place place) {
  PartitionEntry& partition = place.partition;
  if (place.topic.phase != TopicPhase::Live || !partition.state) return;
  if (partition.writing) {
    partition.preferred_wanted = true;  // Looked at again when the outcome is known.
    return;
  }
  const BrokerId preferred = partition.assignment.replicas.front();
  const cluster::PartitionState& state = *partition.state;
  if (state.leader == preferred || state.leader == kNoBroker || !state.in_isr(preferred)) return;
  if (standing(place, preferred) != Standing::Good || is_slow(place, preferred)) return;
  cluster::PartitionState next = state;
  next.leader = preferred;
  next.leader_epoch = state.leader_epoch.next();
  write_state(place, std::move(next), "preferred leader");
}

}  // namespace ottla::controller
