#include "broker/status/readiness.h"

#include <algorithm>
#include <set>
#include <utility>

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"

namespace ottla::status {
namespace {

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

}  // namespace

ReadinessFacts gather_readiness(const Sources& sources, BrokerState state) {
  ReadinessFacts facts;
  facts.state = state;
  facts.is_registered = sources.is_registered();
  const auto image = sources.metadata.image();
  facts.knows_controller = image->controller() != kNoBroker;
  std::set<TopicPartition> held;
  for (const auto& partition : sources.replicas.partitions()) {
    held.insert(partition->name());
    if (partition->view().role == replica::PartitionRole::Offline) {
      facts.offline_here.push_back(partition->name());
    }
  }
  for (const auto& [name, topic] : image->topics()) {
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      const metadata::PartitionMetadata& partition = topic->partitions[i];
      if (!cluster::contains(partition.assignment.replicas, sources.broker) ||
          cluster::contains(partition.assignment.adding, sources.broker)) {
        continue;
      }
      TopicPartition place{name, static_cast<std::int32_t>(i)};
      if (partition.state.leader == kNoBroker) facts.leaderless.push_back(place);
      if (!held.contains(place)) {
        facts.without_replica.push_back(std::move(place));
      } else if (!partition.state.in_isr(sources.broker)) {
        facts.not_caught_up.push_back(std::move(place));
      }
    }
  }
  return facts;
}

std::vector<Reason> why_not_ready(const ReadinessFacts& facts) {
  std::vector<Reason> reasons;
  if (facts.state != BrokerState::Running) {
    reasons.push_back({"not_running", "the broker is " + std::string(name_of(facts.state))});
  }
  if (!facts.is_registered) {
    reasons.push_back({"not_registered", "the broker is not registered in ZooKeeper"});
  }
  if (!facts.knows_controller) {
    reasons.push_back({"no_controller", "no controller has told the cluster's state yet"});
  }
  const auto add = [&](const char* what, const std::vector<TopicPartition>& partitions,
                       const char* text) {
    if (partitions.empty()) return;
    reasons.push_back({what, counted(partitions.size(), "partition") + ' ' + text, partitions});
  };
  add("offline_partitions", facts.leaderless, "with a replica here without a leader");
  add("offline_replicas", facts.offline_here, "in failed log dirs of this broker");
  add("missing_replicas", facts.without_replica, "assigned to this broker that it does not hold");
  add("not_caught_up", facts.not_caught_up, "whose replica here is not in the ISR");
  return reasons;
}

}  // namespace ottla::status
