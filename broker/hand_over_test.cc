#include "broker/hand_over.h"

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
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Broker 1 stops; broker 2 is in office.
struct HandOverTest : ::testing::Test {
  void SetUp() override { brokers({1, 2}); }

  void brokers(const std::vector<int>& ids) {
    rpc::ClusterUpdate update{.controller = BrokerId(2), .full = true};
    update.live_brokers.emplace();
    for (const int id : ids) update.live_brokers->push_back({.id = BrokerId(id)});
    metadata.publish(metadata.told_image()->apply(update));
  }
  void start() {
    hand_over = std::make_shared<HandOver>(
        HandOver::Surroundings{.self = kOne,
                               .replicas = cluster.replicas(kOne),
                               .channel = channel,
                               .metadata = metadata,
                               .is_zookeeper_connected = [this] { return is_connected; },
                               .clock = cluster.world.clock(),
                               .loop = *loop},
        HandOver::Limits{.patience = seconds(15), .answer_within = seconds(5)},
        [this](bool is_done) { ended = is_done; });
    hand_over->start();
    pass(milliseconds(1));
  }
  void pass(env::Duration time) { cluster.world.run_for(time); }
  [[nodiscard]] std::size_t asked() const { return peers.shutdowns.size(); }
  void answer(std::size_t question, const Result<rpc::ControlledShutdownReply>& reply) {
    std::move(peers.shutdowns.at(question))(reply);
    pass(milliseconds(1));
  }
  static rpc::ControlledShutdownReply remaining(int partitions) {
    rpc::ControlledShutdownReply reply;
    for (int i = 0; i < partitions; ++i) reply.remaining.push_back({.topic = replica::kTopic, .partition = i});
    return reply;
  }

  replica::SimulatedCluster cluster{1, {.partitions = 1}};
  std::unique_ptr<env::Executor> loop = cluster.world.make_executor();
  Elsewhere local;
  metadata::MetadataCache metadata;
  SleepyPeers peers;
  ControllerChannel channel{kOne, seconds(30), local, metadata, peers};
  bool is_connected = true;
  std::optional<bool> ended;
  std::shared_ptr<HandOver> hand_over;
};

TEST_F(HandOverTest, EndsWhenNothingIsLedHereAnyMore) {
  start();
  EXPECT_EQ(ended, std::nullopt);
  answer(0, remaining(0));
  EXPECT_EQ(ended, true);
}

TEST_F(HandOverTest, AFollowerThatCatchesUpCostsNoBackoff) {
  start();
  answer(0, remaining(2));
  EXPECT_EQ(ended, std::nullopt);
  pass(milliseconds(60));
  ASSERT_EQ(asked(), 2U);
  answer(1, remaining(0));
  EXPECT_EQ(ended, true);
}

TEST_F(HandOverTest, AnotherControllerIsAsked) {
  start();
  answer(0, rpc::ControlledShutdownReply{.error = ErrorCode::NotController, .remaining = {}});
  pass(milliseconds(60));
  ASSERT_EQ(asked(), 2U);
  answer(1, remaining(0));
  EXPECT_EQ(ended, true);
}

TEST_F(HandOverTest, ALostAnswerIsAskedForAgain) {
  start();
  pass(milliseconds(5100));
  ASSERT_EQ(asked(), 2U);
  answer(0, remaining(1));  // too late to count
  EXPECT_EQ(asked(), 2U);
  EXPECT_EQ(ended, std::nullopt);
  answer(1, remaining(0));
  EXPECT_EQ(ended, true);
}

TEST_F(HandOverTest, ItsTimeIsLimited) {
  start();
  for (int i = 0; i < 14; ++i) {
    answer(asked() - 1, remaining(1));
    pass(seconds(1));
    EXPECT_EQ(ended, std::nullopt);
  }
  pass(seconds(6));
  EXPECT_EQ(ended, false);
  const std::size_t questions = asked();
  pass(seconds(60));
  EXPECT_EQ(asked(), questions);
}

TEST_F(HandOverTest, WithoutZooKeeperOneQuestionIsEnough) {
  is_connected = false;
  start();
  pass(seconds(2));
  EXPECT_EQ(ended, std::nullopt);
  pass(seconds(2));
  EXPECT_EQ(ended, false);
  EXPECT_EQ(asked(), 1U);
}

TEST_F(HandOverTest, TheLastBrokerWaitsForNobody) {
  brokers({2});
  start();
  answer(0, remaining(1));
  EXPECT_EQ(ended, false);
}

TEST_F(HandOverTest, AnAnswerMayComeWhenItIsGone) {
  start();
  hand_over.reset();
  answer(0, remaining(0));
  EXPECT_EQ(ended, std::nullopt);
}

}  // namespace
}  // namespace ottla::broker
