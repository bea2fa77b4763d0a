#include "broker/status/leader_high_watermarks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/manual_clock.h"

namespace ottla::status {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const TopicPartition kFirst{"orders", 0};
const TopicPartition kSecond{"orders", 1};
const TopicPartition kThird{"orders", 2};

/// Keeps what it is asked until the test answers.
class HeldPeers final : public rpc::HighWatermarkPeers {
 public:
  struct Call {
    BrokerId to;
    std::vector<TopicPartition> partitions;
    Callback<Result<rpc::HighWatermarks>> done;
  };
  void ask(const cluster::Broker& to, std::vector<TopicPartition> partitions, env::Duration,
           Callback<Result<rpc::HighWatermarks>> done) override {
    calls.push_back({to.id, std::move(partitions), std::move(done)});
  }
  void answer(std::size_t call, Result<rpc::HighWatermarks> with) {
    std::move(calls.at(call).done)(std::move(with));
  }
  std::vector<Call> calls;
};

/// Broker 1 leads orders-0 and orders-1, broker 2 orders-2; orders-3 has no leader, that of
/// orders-4 does not live.
class LeaderHighWatermarksTest : public ::testing::Test {
 protected:
  LeaderHighWatermarksTest() {
    rpc::ClusterUpdate update;
    update.live_brokers.emplace();
    for (const int id : {1, 2}) update.live_brokers->emplace_back().id = BrokerId(id);
    rpc::TopicUpdate& topic = update.topics.emplace_back();
    topic.name = "orders";
    topic.id = Uuid(1, 2);
    for (const BrokerId leader : {BrokerId(1), BrokerId(1), BrokerId(2), kNoBroker, BrokerId(3)}) {
      rpc::PartitionUpdate partition;
      partition.partition = static_cast<std::int32_t>(topic.partitions.size());
      partition.assignment.replicas = {BrokerId(1), BrokerId(2), BrokerId(3)};
      partition.state.leader = leader;
      topic.partitions.push_back(partition);
    }
    image_ = metadata::MetadataImage().apply(update);
  }

  void ask(const std::set<TopicPartition>& wanted) {
    told_.reset();
    asked_.ask(*image_, wanted, [this](rpc::HighWatermarks told) { told_ = std::move(told); });
  }

  testing::ManualClock clock_;
  HeldPeers peers_;
  std::shared_ptr<const metadata::MetadataImage> image_;
  LeaderHighWatermarks asked_{peers_, clock_};
  std::optional<rpc::HighWatermarks> told_;
};

TEST_F(LeaderHighWatermarksTest, AsksEachLeaderOnceForAllOfItsPartitions) {
  ask({kFirst, kSecond, kThird});
  ASSERT_EQ(peers_.calls.size(), 2U);
  EXPECT_EQ(peers_.calls[0].to, BrokerId(1));
  EXPECT_THAT(peers_.calls[0].partitions, ElementsAre(kFirst, kSecond));
  EXPECT_EQ(peers_.calls[1].to, BrokerId(2));
  EXPECT_THAT(peers_.calls[1].partitions, ElementsAre(kThird));

  peers_.answer(1, rpc::HighWatermarks{{kThird, Offset(30)}});
  EXPECT_FALSE(told_);
  peers_.answer(0, rpc::HighWatermarks{{kFirst, Offset(10)}});  // it leads the second no more
  ASSERT_TRUE(told_);
  EXPECT_THAT(*told_, ElementsAre(Pair(kFirst, Offset(10)), Pair(kThird, Offset(30))));
}

TEST_F(LeaderHighWatermarksTest, ALeaderThatDoesNotAnswerHidesOnlyItsOwn) {
  ask({kFirst, kThird});
  peers_.answer(0, fail(ErrorCode::RequestTimedOut));
  peers_.answer(1, rpc::HighWatermarks{{kThird, Offset(30)}});
  ASSERT_TRUE(told_);
  EXPECT_THAT(*told_, ElementsAre(Pair(kThird, Offset(30))));
}

TEST_F(LeaderHighWatermarksTest, WhatHasNoLivingLeaderIsNotAskedFor) {
  ask({{"orders", 3}, {"orders", 4}, {"orders", 5}, {"payments", 0}});
  EXPECT_THAT(peers_.calls, IsEmpty());
  ASSERT_TRUE(told_);
  EXPECT_THAT(*told_, IsEmpty());
}

TEST_F(LeaderHighWatermarksTest, AnAnswerIsKeptForAWhile) {
  ask({kFirst, kSecond});
  peers_.answer(0, rpc::HighWatermarks{{kFirst, Offset(10)}, {kSecond, Offset(20)}});
  clock_.advance(LeaderHighWatermarks::kKeptFor - milliseconds(1));
  ask({kSecond});
  EXPECT_EQ(peers_.calls.size(), 1U);
  ASSERT_TRUE(told_);
  EXPECT_EQ(told_->at(kSecond), Offset(20));

  clock_.advance(milliseconds(1));
  ask({kSecond});
  ASSERT_EQ(peers_.calls.size(), 2U);
  peers_.answer(1, rpc::HighWatermarks{{kSecond, Offset(21)}});
  EXPECT_EQ(told_->at(kSecond), Offset(21));
}

TEST_F(LeaderHighWatermarksTest, WhatWasNotAskedBeforeIsAskedAtOnce) {
  ask({kFirst});
  peers_.answer(0, rpc::HighWatermarks{{kFirst, Offset(10)}});
  ask({kFirst, kSecond});
  ASSERT_EQ(peers_.calls.size(), 2U);
  EXPECT_THAT(peers_.calls[1].partitions, ElementsAre(kFirst, kSecond));
}

TEST_F(LeaderHighWatermarksTest, NorIsASilentLeaderAskedAgainAndAgain) {
  ask({kFirst});
  peers_.answer(0, fail(ErrorCode::RequestTimedOut));
  ask({kFirst});
  EXPECT_EQ(peers_.calls.size(), 1U);
  ASSERT_TRUE(told_);
  EXPECT_THAT(*told_, IsEmpty());
}

}  // namespace
}  // namespace ottla::status
