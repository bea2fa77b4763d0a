#include "cli/loss_check.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

#include <boost/json.hpp>

#include "cli/replica_explanation.h"

namespace ottla::cli {
namespace {

struct Row {
  std::string_view name;
  std::string_view text;
};
constexpr std::array<Row, 11> kRows = {{
    {"UNKNOWN_BROKER", "not in the cluster"},
    {"NO_CONTROLLER", "there is no controller that would elect leaders"},
    {"LAST_BROKER", "no other broker is there"},
    {"ALREADY_OFFLINE", "have no leader already"},
    {"SINGLE_REPLICA", "have one replica, which would be gone: they would be offline"},
    {"WOULD_BE_OFFLINE", "would be offline: nobody else is in their ISR"},
    {"WOULD_LOSE_RECORDS",
     "would be led by a replica that is not in the ISR (unclean.leader.election.enable), and lose "
     "what it lacks"},
    {"WOULD_LOSE_ACKS_1",
     "have records that no other broker in sync has: acknowledged with acks=1, they would be lost "
     "with it"},
    {"WOULD_BLOCK_ACKS_ALL",
     "would refuse acks=all: fewer than min.insync.replicas would be in sync"},
    {"UNDER_REPLICATED", "are under-replicated already"},
    {"REASSIGNING", "are being reassigned"},
}};

void object(const PartitionView& partition, const std::vector<BrokerId>& brokers,
            std::map<Objection, std::vector<TopicPartition>>& found) {
  const auto add = [&](Objection objection) { found[objection].push_back(partition.name); };
  const bool affected = count_in(partition.replicas, brokers) > 0;
  const auto lost = count_in(partition.isr, brokers);
  const auto left = static_cast<std::int64_t>(partition.isr.size()) - lost;
  const auto needed = std::min<std::int64_t>(partition.min_insync_replicas,
                                             static_cast<std::int64_t>(partition.replicas.size()));
  if (partition.leader == kNoBroker) {
    add(Objection::AlreadyOffline);
  } else if (affected && partition.replicas.size() == 1) {
    add(Objection::SingleReplica);
  } else if (lost > 0 && left == 0) {
    const bool has_others = count_in(partition.replicas, brokers) <
                            static_cast<std::int64_t>(partition.replicas.size());
    add(partition.elects_uncleanly && has_others ? Objection::WouldLoseRecords
                                                 : Objection::WouldBeOffline);
  } else if (lost > 0 && left < needed) {
    add(Objection::WouldBlockAcksAll);
  } else if (partition.isr.size() < partition.replicas.size()) {
    add(Objection::UnderReplicated);
  }
  // Where nobody else can lead, they come back with their only replica.
  if (partition.replicas.size() > 1 && records_on_none_but(brokers, partition).value_or(0) > 0) {
    add(Objection::WouldLoseAcks1);
  }
  if (partition.is_reassigning) add(Objection::Reassigning);
}

}  // namespace

std::int64_t count_in(const std::vector<BrokerId>& list, const std::vector<BrokerId>& some) {
  return std::ranges::count_if(list, [&](BrokerId broker) { return is_in(some, broker); });
}

std::string_view name_of(Objection objection) {
  return kRows[static_cast<std::size_t>(objection)].name;
}

std::string_view text_of(Objection objection) {
  return kRows[static_cast<std::size_t>(objection)].text;
}

std::vector<Objecting> objections_to_loss_of(const std::vector<BrokerId>& brokers,
                                             const ClusterView& view, bool these_only) {
  std::vector<Objecting> all;
  std::vector<BrokerId> unknown;
  std::ranges::copy_if(brokers, std::back_inserter(unknown),
                       [&](BrokerId broker) { return !is_in(view.live, broker); });
  if (!unknown.empty()) all.push_back({Objection::UnknownBroker, {}, std::move(unknown)});
  if (view.controller == kNoBroker) all.push_back({Objection::NoController, {}, {}});
  if (!view.live.empty() &&
      count_in(view.live, brokers) == static_cast<std::int64_t>(view.live.size())) {
    all.push_back({Objection::LastBroker, {}, {}});
  }
  std::map<Objection, std::vector<TopicPartition>> found;
  for (const PartitionView& partition : view.partitions) {
    if (!these_only || count_in(partition.replicas, brokers) > 0) object(partition, brokers, found);
  }
  for (auto& [objection, partitions] : found) all.push_back({objection, std::move(partitions), {}});
  return all;
}

ClusterView view_of(const ClusterFacts& facts) {
  ClusterView view{.controller = facts.controller};
  for (const auto& [id, broker] : facts.brokers) {
    if (broker.in_metadata && broker.contact == Contact::Answers) view.live.push_back(id);
  }
  for (const auto& [name, partition] : facts.partitions) {
    view.partitions.push_back({name, partition.leader, partition.replicas, partition.isr,
                               partition.min_insync_replicas.value_or(1),
                               !partition.adding.empty() || !partition.removing.empty(),
                               partition.unclean_leader_election.value_or(false)});
  }
  return view;
}

void add_log_ends(ClusterView& view, const ClusterFacts& facts) {
  for (PartitionView& partition : view.partitions) {
    const auto known = facts.partitions.find(partition.name);
    if (known == facts.partitions.end()) continue;
    const auto leader = known->second.told.find(partition.leader);
    if (leader == known->second.told.end()) continue;
    partition.leader_end = leader->second.log_end_offset;
    partition.leader_start = leader->second.log_start_offset;
    for (const auto& follower : leader->second.followers) {
      if (follower.in_isr) partition.in_sync_ends[follower.broker_id] = follower.log_end_offset;
    }
  }
}

void keep_leader_ends(ClusterView& later, const ClusterView& earlier) {
  std::map<TopicPartition, const PartitionView*> before;
  for (const PartitionView& partition : earlier.partitions) before[partition.name] = &partition;
  for (PartitionView& partition : later.partitions) {
    const auto was = before.find(partition.name);
    if (was == before.end() || was->second->leader != partition.leader) continue;
    if (partition.leader_end && was->second->leader_end) {
      partition.leader_end = std::min(*partition.leader_end, *was->second->leader_end);
    }
  }
}

std::optional<std::int64_t> records_on_none_but(const std::vector<BrokerId>& brokers,
                                                const PartitionView& partition) {
  if (!is_in(brokers, partition.leader)) return 0;
  if (!partition.leader_end || !partition.leader_start) return std::nullopt;
  Offset others = *partition.leader_start;
  for (const auto& [follower, end] : partition.in_sync_ends) {
    if (!is_in(brokers, follower)) others = std::max(others, end);
  }
  return std::max<std::int64_t>(*partition.leader_end - others, 0);
}

std::string text_of(const std::vector<Objecting>& objections) {
  std::string text;
  for (const Objecting& one : objections) {
    text += "\n  ";
    for (std::size_t i = 0; i < std::min<std::size_t>(one.partitions.size(), 5); ++i) {
      text += one.partitions[i].to_string() + " ";
    }
    if (one.partitions.size() > 5) {
      text += "and " + std::to_string(one.partitions.size() - 5) + " more ";
    }
    for (const BrokerId broker : one.brokers)
      text += "broker " + std::to_string(broker.value()) + " ";
    text += text_of(one.objection);
  }
  return text;
}

boost::json::array json_of(const std::vector<Objecting>& objections) {
  boost::json::array rows;
  for (const Objecting& one : objections) {
    boost::json::array partitions;
    for (const TopicPartition& name : one.partitions) {
      partitions.push_back({{"topic", name.topic}, {"partition", name.partition}});
    }
    rows.push_back({{"objection", name_of(one.objection)},
                    {"text", text_of(one.objection)},
                    {"partitions", std::move(partitions)},
                    {"brokers", json_of(one.brokers)}});
  }
  return rows;
}

boost::json::array json_of(const std::vector<BrokerId>& brokers) {
  boost::json::array ids;
  for (const BrokerId broker : brokers) ids.emplace_back(broker.value());
  return ids;
}

}  // namespace ottla::cli
