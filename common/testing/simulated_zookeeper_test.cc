#include "common/testing/simulated_zookeeper.h"

#include <gtest/gtest.h>

#include "common/testing/simulated_world.h"
#include "common/zookeeper/node_data.h"

/// What a real server cannot be made to do in a test; the rest is zookeeper's conformance suite.
namespace ottla::testing {
namespace {

using std::chrono::seconds;
using zookeeper::Check;
using zookeeper::Create;
using zookeeper::CreateMode;
using zookeeper::Node;
using zookeeper::OpResult;
using zookeeper::Set;
using zookeeper::Watch;
using zookeeper::ZkResult;

class SimulatedZooKeeperTest : public ::testing::Test, public zookeeper::ClientListener {
 protected:
  void on_session(const zookeeper::SessionEvent& event) override {
    using Kind = zookeeper::SessionEvent::Kind;
    told += event.kind == Kind::Established ? "E" : event.kind == Kind::Suspended ? "S" : "X";
  }
  void on_watch(const zookeeper::WatchEvent& event) override { told += "(" + event.path + ")"; }
  void SetUp() override {
    client->add_listener(*this);
    client->start();
    client->write(Create{"/e", "", CreateMode::Ephemeral}, [](const ZkResult<OpResult>&) {});
    world.run_for(seconds(1));
    ASSERT_EQ(std::exchange(told, ""), "E");
  }

  SimulatedWorld world{1};
  SimulatedZooKeeper ensemble{world};
  std::string told;
  std::unique_ptr<zookeeper::Client> client = ensemble.make_client("a");
};

TEST_F(SimulatedZooKeeperTest, ACrashedClientsSessionLingersUntilItsTimeout) {
  ensemble.crash("a");
  world.run_for(seconds(5));
  EXPECT_TRUE(ensemble.node("/e").has_value());
  world.run_for(seconds(2));
  EXPECT_FALSE(ensemble.node("/e").has_value());
  EXPECT_EQ(told, "");
}

TEST_F(SimulatedZooKeeperTest, AShortPauseIsSurvivedAndALongOneEndsTheSession) {
  ensemble.pause("a");
  world.run_for(seconds(5));
  ensemble.resume("a");
  world.run_for(seconds(20));
  EXPECT_EQ(told, "");
  EXPECT_TRUE(ensemble.node("/e").has_value());

  client->get("/e", Watch::Yes, [this](const ZkResult<Node>& n) { told += n ? "r" : "!"; });
  ensemble.pause("a");
  world.run_for(seconds(20));
  EXPECT_FALSE(ensemble.node("/e").has_value());
  EXPECT_EQ(told, "");
  ensemble.resume("a");
  world.run_for(seconds(5));
  // What had been answered before is still read; then the truth comes out.
  EXPECT_EQ(told, "rSXE");
}

TEST_F(SimulatedZooKeeperTest, SessionsOutliveARestartOfTheEnsemble) {
  ensemble.stop_ensemble();
  world.run_for(seconds(30));
  EXPECT_EQ(told, "S");
  ensemble.start_ensemble();
  world.run_for(seconds(2));
  EXPECT_EQ(told, "SE");
  EXPECT_TRUE(ensemble.node("/e").has_value());
}

TEST_F(SimulatedZooKeeperTest, ACutClientOnlyLearnsOfItsEndWhenItIsBack) {
  ensemble.cut("a");
  world.run_for(seconds(60));
  EXPECT_EQ(told, "S");
  EXPECT_FALSE(ensemble.node("/e").has_value());
  ensemble.heal("a");
  world.run_for(seconds(2));
  EXPECT_EQ(told, "SXE");
}

TEST_F(SimulatedZooKeeperTest, WhatWasOnItsWayIsCarriedOutOrNotByTheSeed) {
  int carried_out = 0;
  int unknown = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SimulatedWorld other_world(seed);
    SimulatedZooKeeper other(other_world);
    const auto writer = other.make_client("w");
    writer->start();
    other_world.run_for(seconds(1));
    writer->write(Create{"/n", ""}, [&](const ZkResult<OpResult>& r) { unknown += r ? 0 : 1; });
    other.drop_connection("w");
    other_world.run_for(seconds(1));
    carried_out += other.node("/n") ? 1 : 0;
  }
  EXPECT_EQ(unknown, 100);
  EXPECT_GT(carried_out, 20);
  EXPECT_LT(carried_out, 80);
}

class Invariants : public ::testing::Test {
 protected:
  void SetUp() override {
    apply({Create{"/brokers", std::nullopt}, Create{"/brokers/topics", std::nullopt},
           Create{"/brokers/topics/t", ""}, Create{"/brokers/topics/t/partitions", ""},
           Create{"/brokers/topics/t/partitions/0", ""}, Create{"/controller_epoch", "0"}});
    const auto c = ensemble.make_client("c");
    apply({Create{"/controller", "{}"}, Set{"/controller_epoch", "1", 0}});
    apply({Check{"/controller_epoch", 1}, Create{kState, state(1, 0, {1, 2})}});
  }
  void apply(const std::vector<zookeeper::Op>& ops) { ASSERT_TRUE(ensemble.apply(ops)); }
  static std::string state(int leader, int epoch, std::vector<int> isr) {
    cluster::PartitionState s;
    s.leader = BrokerId(leader);
    s.leader_epoch = LeaderEpoch(epoch);
    for (const int id : isr) s.isr.emplace_back(id);
    return zookeeper::encode_partition_state(s);
  }

  static constexpr const char* kState = "/brokers/topics/t/partitions/0/state";
  SimulatedWorld world{1};
  SimulatedZooKeeper ensemble{world};
};

TEST_F(Invariants, HoldForAProperHistory) {
  apply({Check{"/controller_epoch", 1}, Set{kState, state(2, 1, {2})}});
  apply({Check{"/controller_epoch", 1}, Set{kState, state(-1, 2, {2})}});
  EXPECT_EQ(check_controller_fencing(ensemble), "");
  EXPECT_EQ(check_leader_epochs(ensemble), "");
}

TEST_F(Invariants, FindTwoLeadersOfOneEpoch) {
  apply({Check{"/controller_epoch", 1}, Set{kState, state(2, 0, {1, 2})}});
  EXPECT_NE(check_leader_epochs(ensemble), "");
}

TEST_F(Invariants, FindALeaderOutsideTheIsr) {
  apply({Check{"/controller_epoch", 1}, Set{kState, state(3, 1, {1, 2})}});
  EXPECT_NE(check_leader_epochs(ensemble), "");
}

TEST_F(Invariants, FindAFallingLeaderEpoch) {
  apply({Check{"/controller_epoch", 1}, Set{kState, state(1, 5, {1})}});
  apply({Check{"/controller_epoch", 1}, Set{kState, state(1, 4, {1})}});
  EXPECT_NE(check_leader_epochs(ensemble), "");
}

TEST_F(Invariants, FindAnUnfencedWrite) {
  const auto writer = ensemble.make_client("w");
  writer->start();
  writer->write(Set{kState, state(1, 1, {1})}, [](const ZkResult<OpResult>&) {});
  world.run_for(seconds(1));
  EXPECT_NE(check_controller_fencing(ensemble), "");
}

TEST_F(Invariants, FindAnEpochThatDidNotRise) {
  apply({Set{"/controller_epoch", "1"}});
  EXPECT_NE(check_controller_fencing(ensemble), "");
}

}  // namespace
}  // namespace ottla::testing
