#include "controller/placement.h"

#include <algorithm>
#include <map>
#include <set>

namespace ottla::controller {
namespace {

using Assignments = std::vector<std::vector<BrokerId>>;

struct Rotation {
  std::size_t start;
  std::size_t shift;  ///< Distance from the leader to the second replica, less one.
};

Rotation rotation(const PlacementRequest& request, std::size_t brokers, env::Random& random) {
  if (request.start_index) return {*request.start_index, *request.start_index};
  const auto start = static_cast<std::size_t>(random.below(brokers));
  return {start, static_cast<std::size_t>(random.below(brokers))};
}

/// Where the `n`-th further replica of a partition stands, when its leader is at `leader`.
std::size_t follower_position(std::size_t leader, std::size_t shift, std::size_t n,
                              std::size_t brokers) {
  if (brokers == 1) return 0;
  return (leader + 1 + (shift + n) % (brokers - 1)) % brokers;
}

/// The brokers of the racks in turn: the first of each rack, then the second of each, ...
std::vector<PlacementBroker> by_rack_in_turn(const std::vector<PlacementBroker>& brokers) {
  std::map<std::string, std::vector<PlacementBroker>> racks;
  for (const PlacementBroker& broker : brokers) racks[*broker.rack].push_back(broker);
  std::vector<PlacementBroker> result;
  for (std::size_t round = 0; result.size() < brokers.size(); ++round) {
    for (const auto& [rack, members] : racks) {
      if (round < members.size()) result.push_back(members[round]);
    }
  }
  return result;
}

Assignments place_without_racks(const std::vector<PlacementBroker>& brokers,
                                const PlacementRequest& request, env::Random& random) {
  Assignments result;
  auto [start, shift] = rotation(request, brokers.size(), random);
  for (std::int32_t i = 0; i < request.partitions; ++i) {
    const auto partition = static_cast<std::size_t>(request.first_partition + i);
    if (partition > 0 && partition % brokers.size() == 0) ++shift;
    const std::size_t leader = (partition + start) % brokers.size();
    std::vector<BrokerId> replicas{brokers[leader].id};
    for (std::size_t n = 0; n + 1 < static_cast<std::size_t>(request.replication_factor); ++n) {
      replicas.push_back(brokers[follower_position(leader, shift, n, brokers.size())].id);
    }
    result.push_back(std::move(replicas));
  }
  return result;
}

Assignments place_over_racks(const std::vector<PlacementBroker>& brokers,
                             const PlacementRequest& request, env::Random& random) {
  const std::vector<PlacementBroker> order = by_rack_in_turn(brokers);
  std::set<std::string> all_racks;
  for (const PlacementBroker& broker : order) all_racks.insert(*broker.rack);

  Assignments result;
  auto [start, shift] = rotation(request, order.size(), random);
  for (std::int32_t i = 0; i < request.partitions; ++i) {
    const auto partition = static_cast<std::size_t>(request.first_partition + i);
    if (partition > 0 && partition % order.size() == 0) ++shift;
    const std::size_t leader = (partition + start) % order.size();
    std::vector<BrokerId> replicas{order[leader].id};
    std::set<std::string> racks{*order[leader].rack};
    std::size_t n = 0;
    while (replicas.size() < static_cast<std::size_t>(request.replication_factor)) {
      const PlacementBroker& next =
          order[follower_position(leader, shift * all_racks.size(), n++, order.size())];
      const bool taken = std::find(replicas.begin(), replicas.end(), next.id) != replicas.end();
      // A rack gets its second replica only when every rack has one.
      const bool rack_free = !racks.contains(*next.rack) || racks.size() == all_racks.size();
      if (taken || !rack_free) continue;
      replicas.push_back(next.id);
      racks.insert(*next.rack);
    }
    result.push_back(std::move(replicas));
  }
  return result;
}

}  // namespace

Result<Assignments> place_replicas(std::vector<PlacementBroker> brokers,
                                   const PlacementRequest& request, env::Random& random) {
  if (request.partitions <= 0) {
    return fail(ErrorCode::InvalidPartitions, "The number of partitions must be larger than 0.");
  }
  if (request.replication_factor <= 0) {
    return fail(ErrorCode::InvalidReplicationFactor,
                "The replication factor must be larger than 0.");
  }
  if (static_cast<std::size_t>(request.replication_factor) > brokers.size()) {
    return fail(ErrorCode::InvalidReplicationFactor,
                "The replication factor is " + std::to_string(request.replication_factor) +
                    ", but only " + std::to_string(brokers.size()) + " brokers are alive.");
  }
  std::sort(brokers.begin(), brokers.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  const bool racks = std::all_of(brokers.begin(), brokers.end(),
                                 [](const auto& broker) { return broker.rack.has_value(); });
  return racks ? place_over_racks(brokers, request, random)
               : place_without_racks(brokers, request, random);
}

}  // namespace ottla::controller
