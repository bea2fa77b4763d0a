#include "broker/slow_replicas.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "broker/controller_channel_for_tests.h"
#include "broker/replica/simulated_cluster_for_tests.h"

namespace ottla::broker {
namespace {

using replica::kOne;
using Slow = std::vector<rpc::SlowReplicasReport::Replica>;

/// Broker 1 has two partitions in its one log dir; broker 2 is in office.
struct SlowReplicasTest : ::testing::Test {
  void SetUp() override {
    rpc::ClusterUpdate update{.controller = BrokerId(2), .full = true};
    update.live_brokers = {{.id = BrokerId(1)}, {.id = BrokerId(2)}, {.id = BrokerId(3)}};
    metadata.publish(metadata.told_image()->apply(update));
    channel.controller_spoke(ControllerEpoch(5));
    channel.set_broker_epoch(BrokerEpoch(40));
    cluster.world.run_for(std::chrono::seconds(1));
    ASSERT_NE(cluster.log(kOne, 0), nullptr);
    ASSERT_NE(cluster.log(kOne, 1), nullptr);
  }

  void set_slow(bool is_slow) { cluster.process(kOne).logs->set_slow("/logs", is_slow); }
  /// What the controller is told by one more look; nullopt: nothing.
  std::optional<Slow> look() {
    const std::size_t before = peers.reports.size();
    slow_replicas->look();
    if (peers.reports.size() == before) return std::nullopt;
    return peers.reports.back().said.replicas;
  }
  void answer(const Result<rpc::SlowReplicasReply>& reply) {
    std::move(peers.reports.back().done)(reply);
    cluster.world.run_for(std::chrono::milliseconds(10));
  }
  void answer(ErrorCode error) { answer(rpc::SlowReplicasReply{error}); }

  const Slow both{{replica::kTopic, replica::kTopicId, 0}, {replica::kTopic, replica::kTopicId, 1}};
  replica::SimulatedCluster cluster{1, {.partitions = 2}};
  std::unique_ptr<env::Executor> loop = cluster.world.make_executor();
  Elsewhere local;
  metadata::MetadataCache metadata;
  SleepyPeers peers;
  ControllerChannel channel{kOne, std::chrono::seconds(30), local, metadata, peers};
  std::unique_ptr<SlowReplicas> slow_replicas =
      std::make_unique<SlowReplicas>(cluster.replicas(kOne), channel, *loop);
};

TEST_F(SlowReplicasTest, WhileAllIsWellNothingIsSaid) {
  EXPECT_EQ(look(), std::nullopt);
  channel.controller_spoke(ControllerEpoch(6));
  channel.set_broker_epoch(BrokerEpoch(41));
  EXPECT_EQ(look(), std::nullopt);
}

TEST_F(SlowReplicasTest, EachReplicaInASlowLogDirIsNamedOnce) {
  set_slow(true);
  EXPECT_EQ(look(), both);
  EXPECT_EQ(peers.reports.back().said.broker, kOne);
  EXPECT_EQ(peers.reports.back().said.broker_epoch, BrokerEpoch(40));
  answer(ErrorCode::None);
  EXPECT_EQ(look(), std::nullopt);
}

// N13: to where producers are not refused.
TEST_F(SlowReplicasTest, ALogDirWithoutRoomIsNamedToo) {
  cluster.disk(kOne).set_free_bytes(0);
  ASSERT_EQ(cluster.append_and_wait(kOne, {"a"}).error, ErrorCode::KafkaStorageError);
  EXPECT_EQ(look(), both);
}

TEST_F(SlowReplicasTest, TheEndOfItIsSaid) {
  set_slow(true);
  look();
  answer(ErrorCode::None);
  set_slow(false);
  EXPECT_EQ(look(), Slow{});
  answer(ErrorCode::None);
  EXPECT_EQ(look(), std::nullopt);
}

TEST_F(SlowReplicasTest, OneReportIsOutAtATime) {
  set_slow(true);
  look();
  EXPECT_EQ(look(), std::nullopt);
  set_slow(false);
  EXPECT_EQ(look(), std::nullopt);
  answer(ErrorCode::None);
  EXPECT_EQ(look(), Slow{}) << "what changed meanwhile is said then";
}

TEST_F(SlowReplicasTest, ItIsSaidUntilItIsHeard) {
  set_slow(true);
  look();
  answer(ErrorCode::NotController);
  EXPECT_EQ(look(), both);
  answer(fail(ErrorCode::NetworkException));
  EXPECT_EQ(look(), both);
  answer(ErrorCode::None);
  EXPECT_EQ(look(), std::nullopt);
}

// The controller may have heard what was not answered.
TEST_F(SlowReplicasTest, TheEndOfWhatMayHaveBeenHeardIsSaid) {
  set_slow(true);
  look();
  answer(fail(ErrorCode::RequestTimedOut));
  set_slow(false);
  EXPECT_EQ(look(), Slow{});
  answer(fail(ErrorCode::NetworkException));
  EXPECT_EQ(look(), Slow{});
  answer(ErrorCode::None);
  EXPECT_EQ(look(), std::nullopt);
}

TEST_F(SlowReplicasTest, ReportsAreCounted) {
  set_slow(true);
  look();
  const std::uint64_t first = peers.reports.back().said.number;
  EXPECT_GT(first, 0U);
  answer(fail(ErrorCode::RequestTimedOut));
  look();
  EXPECT_GT(peers.reports.back().said.number, first);
}

TEST_F(SlowReplicasTest, WhenNobodyIsInOfficeItIsSaidLater) {
  set_slow(true);
  local.in_office = BrokerId(9);
  EXPECT_EQ(look(), std::nullopt);
  cluster.world.run_for(std::chrono::milliseconds(10));
  local.in_office = BrokerId(3);
  EXPECT_EQ(look(), both);
}

TEST_F(SlowReplicasTest, EachNewControllerIsTold) {
  set_slow(true);
  look();
  answer(ErrorCode::None);
  channel.controller_spoke(ControllerEpoch(6));
  EXPECT_EQ(look(), both);
}

TEST_F(SlowReplicasTest, ItIsToldInEachNewRegistration) {
  set_slow(true);
  look();
  answer(ErrorCode::None);
  channel.set_broker_epoch(BrokerEpoch(41));
  EXPECT_EQ(look(), both);
  EXPECT_EQ(peers.reports.back().said.broker_epoch, BrokerEpoch(41));
}

// It was asked in the office of one controller, and answered in that of the next.
TEST_F(SlowReplicasTest, AnAnswerCountsForTheControllerThatWasAsked) {
  set_slow(true);
  look();
  channel.controller_spoke(ControllerEpoch(6));
  answer(ErrorCode::None);
  EXPECT_EQ(look(), both);
}

TEST_F(SlowReplicasTest, WhoDoesNotKnowTheRequestIsNotAskedAgain) {
  set_slow(true);
  look();
  answer(ErrorCode::UnsupportedVersion);
  EXPECT_EQ(look(), std::nullopt);
}

TEST_F(SlowReplicasTest, AnAnswerMayComeWhenItIsGone) {
  set_slow(true);
  look();
  slow_replicas.reset();
  answer(ErrorCode::None);
}

}  // namespace
}  // namespace ottla::broker
