// The coordinator over real replicas and logs, in a simulated cluster: who coordinates a group,
// what it shows after a failover, and that no switch of leaders stays half done (W28).
#include "broker/group/group_coordinator.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "broker/group/group_cluster_for_tests.h"
#include "common/metrics/group_metrics.h"

namespace ottla::group {
namespace {

using replica::SimulatedCluster;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(GroupCoordinator, TheNextLeaderShowsWhatWasCommitted) {
  GroupCluster groups(1);
  ASSERT_TRUE(groups.settles("g", seconds(20)));
  const BrokerId first = groups.leader_of("g");
  for (int i = 1; i <= 50; ++i) ASSERT_EQ(groups.commit_and_wait(first, "g", i), ErrorCode::None);
  const BrokerId next = first == kThree ? kOne : kThree;
  groups.cluster.elect(GroupCluster::shard_of("g"), next);
  ASSERT_TRUE(groups.settles("g", seconds(20)));
  const FetchedOffsets fetched = groups.fetch_and_wait(next, "g");
  EXPECT_EQ(fetched.offsets.at(0).committed.offset, Offset(50));
  EXPECT_EQ(groups.commit_and_wait(first, "g", 51), ErrorCode::NotCoordinator);
}

TEST(GroupCoordinator, AnswersThatItLoadsUntilTheLogIsCommitted) {
  GroupCluster groups(2);
  ASSERT_TRUE(groups.settles("g", seconds(20)));
  const BrokerId first = groups.leader_of("g");
  ASSERT_EQ(groups.commit_and_wait(first, "g", 7), ErrorCode::None);
  const BrokerId next = first == kThree ? kOne : kThree;
  groups.cluster.elect(GroupCluster::shard_of("g"), next);
  std::vector<ErrorCode> seen;
  ASSERT_TRUE(groups.cluster.world.run_until_true(
      [&] {
        if (seen.empty() || seen.back() != ErrorCode::None) {
          groups.fetch(next, "g", [&](const FetchedOffsets& told) { seen.push_back(told.error); });
        }
        return !seen.empty() && seen.back() == ErrorCode::None;
      },
      seconds(20)));
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  EXPECT_EQ(seen, (std::vector{ErrorCode::NotCoordinator, ErrorCode::CoordinatorLoadInProgress,
                               ErrorCode::None}));
}

TEST(GroupCoordinator, WhoWasReplacedAndDoesNotKnowItTellsNoOffsets) {
  GroupCluster groups(4);
  ASSERT_TRUE(groups.settles("g", seconds(20)));
  const BrokerId first = groups.leader_of("g");
  ASSERT_EQ(groups.commit_and_wait(first, "g", 7), ErrorCode::None);
  EXPECT_EQ(groups.fetch_and_wait(first, "g").offsets.at(0).committed.offset, Offset(7));
  groups.cluster.uninformed = {first};
  const BrokerId next = first == kThree ? kOne : kThree;
  groups.cluster.elect(GroupCluster::shard_of("g"), next);
  ASSERT_TRUE(groups.cluster.world.run_until_true(
      [&] { return groups.fetch_and_wait(next, "g").error == ErrorCode::None; }, seconds(20)));
  EXPECT_EQ(groups.fetch_and_wait(first, "g").error, ErrorCode::NotCoordinator);
}

TEST(GroupCoordinator, MetricsShowWhatItHolds) {
  GroupCluster groups(3);
  ASSERT_TRUE(groups.settles("g", seconds(20)));
  const BrokerId leader = groups.leader_of("g");
  ASSERT_EQ(groups.commit_and_wait(leader, "g", 7), ErrorCode::None);
  groups.cluster.world.run_for(seconds(3));
  metrics::Registry& registry = groups.registry(leader);
  EXPECT_EQ(value_of(registry, metrics::kNumGroups), 1);
  EXPECT_EQ(value_of(registry, metrics::kNumGroupsEmpty), 1);
  EXPECT_EQ(value_of(registry, metrics::kNumGroupsStable), 0);
  EXPECT_EQ(value_of(registry, metrics::kNumOffsets), 1);
  EXPECT_EQ(value_of(registry, metrics::kOffsetCommits), 1);
  EXPECT_EQ(value_of(registry, metrics::kNumPartitionsLoading), 0);
  EXPECT_GE(value_of(registry, metrics::kGroupLoadMs), 1);
}

/// Commits of several groups from a client that asks whom it likes, while leaders change at once
/// one after the other, crash, and come back.
class Storm {
 public:
  explicit Storm(std::uint64_t seed) : groups_(seed), random_(seed + 17) {
    for (int i = 0; i < 6; ++i) clients_["g" + std::to_string(i)] = {};
  }

  void run() {
    for (int step = 0; step < 150; ++step) {
      disturb();
      for (auto& [name, client] : clients_) ask(name);
      world().run_for(milliseconds(static_cast<int>(random_.below(60))));
    }
    groups_.cluster.inform_all();
    for (const BrokerId broker : kBrokers) {
      if (!groups_.cluster.is_up(broker)) groups_.cluster.start(broker);
    }
    for (const auto& [name, client] : clients_) {
      ASSERT_TRUE(groups_.settles(name, seconds(30))) << name;
      const BrokerId leader = groups_.leader_of(name);
      const FetchedOffsets fetched = groups_.fetch_and_wait(leader, name);
      EXPECT_GE(fetched.offsets.at(0).committed.offset, client.acknowledged) << name;
      EXPECT_TRUE(world().run_until_true(
          [&] { return groups_.commit_and_wait(leader, name, 1'000'000) == ErrorCode::None; },
          seconds(20)))
          << name;
    }
  }

  int acknowledged = 0;
  int failovers = 0;

 private:
  struct Client {
    std::int64_t next = 0;
    Offset acknowledged = kUnknownOffset;
    bool under_way = false;
  };

  testing::SimulatedWorld& world() { return groups_.cluster.world; }
  BrokerId draw_broker() { return kBrokers[random_.below(3)]; }

  void disturb() {
    SimulatedCluster& cluster = groups_.cluster;
    const auto shard = static_cast<std::size_t>(random_.below(kShards));
    switch (random_.below(8)) {
      case 0:
      case 1: {  // the switch back may come before the first one is done
        for (std::uint64_t i = 0; i <= random_.below(3); ++i) {
          const BrokerId broker = draw_broker();
          if (!cluster.is_up(broker) || !cluster.state(shard).in_isr(broker)) continue;
          cluster.elect(shard, broker);
          ++failovers;
          world().run_for(milliseconds(static_cast<int>(random_.below(4))));
        }
        break;
      }
      case 2: {
        const auto up = std::count_if(std::begin(kBrokers), std::end(kBrokers),
                                      [&](BrokerId broker) { return cluster.is_up(broker); });
        const BrokerId broker = draw_broker();
        if (up == 3) {
          for (auto& [name, client] : clients_) client.under_way = false;
          cluster.crash(broker);
        } else if (!cluster.is_up(broker)) {
          cluster.start(broker);
        }
        break;
      }
      case 3:  // whoever is replaced now does not hear of it yet
        if (cluster.uninformed.empty()) {
          cluster.uninformed.insert(draw_broker());
        } else {
          cluster.inform_all();
        }
        break;
      default:
        break;
    }
  }

  void ask(const std::string& name) {
    Client& client = clients_[name];
    const BrokerId leader = groups_.leader_of(name);
    const BrokerId broker = leader == kNoBroker || random_.below(8) == 0 ? draw_broker() : leader;
    if (!groups_.cluster.is_up(broker)) return;
    groups_.fetch(
        broker, name,
        [name, known = client.acknowledged](const FetchedOffsets& told) {
          if (told.error != ErrorCode::None) return;
          EXPECT_GE(told.offsets.at(0).committed.offset, known) << name;
        },
        /*require_stable=*/true);
    if (client.under_way) return;
    client.under_way = true;
    const std::int64_t offset = ++client.next;
    groups_.commit(broker, name, offset, [this, name, offset](ErrorCode outcome) {
      Client& committed = clients_[name];
      committed.under_way = false;
      if (outcome != ErrorCode::None) return;
      ++acknowledged;
      committed.acknowledged = std::max(committed.acknowledged, Offset(offset));
    });
  }

  GroupCluster groups_;
  env::SeededRandom random_;
  std::map<std::string, Client> clients_;
};

TEST(GroupCoordinator, NoSwitchOfLeadersStaysHalfDone) {
  int acknowledged = 0;
  int failovers = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Storm storm(seed);
    storm.run();
    acknowledged += storm.acknowledged;
    failovers += storm.failovers;
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(acknowledged, 1'000);
  EXPECT_GT(failovers, 200);
}

}  // namespace
}  // namespace ottla::group
