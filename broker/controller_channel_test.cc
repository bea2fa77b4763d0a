#include "broker/controller_channel.h"

#include <gtest/gtest.h>

#include "broker/controller_channel_for_tests.h"

namespace ottla::broker {
namespace {

struct ControllerChannelTest : ::testing::Test {
  void SetUp() override {
    rpc::ClusterUpdate update{.controller = BrokerId(2), .full = true};
    update.live_brokers = {{.id = BrokerId(1)}, {.id = BrokerId(2)}, {.id = BrokerId(3)}};
    metadata.publish(metadata.told_image()->apply(update));
    channel.controller_spoke(ControllerEpoch(5));
  }
  void ask() {
    channel.alter({}, [this](const Result<rpc::AlterPartitionReply>& reply) {
      outcomes.push_back(reply ? reply->error : reply.error().code());
    });
  }

  Elsewhere local;
  metadata::MetadataCache metadata;
  SleepyPeers peers;
  std::vector<ErrorCode> outcomes;
  ControllerChannel channel{BrokerId(1), std::chrono::seconds(30), local, metadata, peers};
};

TEST_F(ControllerChannelTest, ANewControllerEndsWhatASleepingOneWasAsked) {
  ask();
  channel.controller_spoke(ControllerEpoch(5));  // the one that was asked
  EXPECT_TRUE(outcomes.empty());
  local.in_office = BrokerId(3);
  channel.controller_spoke(ControllerEpoch(6));
  EXPECT_EQ(outcomes, std::vector{ErrorCode::NetworkException});  // unknown: it is asked again
  // It wakes up: too late.
  std::move(peers.taken.at(0))(rpc::AlterPartitionReply{});
  EXPECT_EQ(outcomes.size(), 1U);
}

TEST_F(ControllerChannelTest, AnAnswerCountsOnceAndAnOlderControllerEndsNothing) {
  ask();
  channel.controller_spoke(ControllerEpoch(4));
  std::move(peers.taken.at(0))(rpc::AlterPartitionReply{});
  channel.controller_spoke(ControllerEpoch(6));
  EXPECT_EQ(outcomes, std::vector{ErrorCode::None});
}

}  // namespace
}  // namespace ottla::broker
