#include <gtest/gtest.h>

#include "broker/replica/leadership_questions.h"
#include "broker/replica/simulated_cluster_for_tests.h"

namespace ottla::replica {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The questions alone.

class Waits final : public CommitWaiter {
 public:
  void on_commit_decided(std::uint32_t, ErrorCode) override {}
};

/// What was asked, in order.
std::vector<std::shared_ptr<CommitWaiter>> ask(LeadershipQuestions& questions, int count) {
  std::vector<std::shared_ptr<CommitWaiter>> waiters;
  for (int i = 0; i < count; ++i) {
    waiters.push_back(std::make_shared<Waits>());
    questions.ask({waiters.back()});
  }
  return waiters;
}

FollowerState confirmed(BrokerId broker, std::uint64_t question) {
  FollowerState state{.broker = broker};
  state.confirmed = question;
  return state;
}

std::vector<std::shared_ptr<CommitWaiter>> waiters(
    const std::vector<LeadershipQuestions::Asker>& askers) {
  std::vector<std::shared_ptr<CommitWaiter>> result;
  for (const auto& asker : askers) result.push_back(asker.waiter);
  return result;
}

TEST(LeadershipQuestions, WaitForTheSlowestOfTheIsr) {
  LeadershipQuestions questions;
  EXPECT_EQ(questions.newest(), 0U);
  const auto asked = ask(questions, 3);
  EXPECT_EQ(questions.newest(), 3U);
  const Isr isr({kOne, kTwo, kThree}, PartitionEpoch(1));
  const std::vector behind{confirmed(kTwo, 3), confirmed(kThree, 2)};
  EXPECT_EQ(waiters(questions.take_confirmed(isr, kOne, behind, 2)),
            (std::vector{asked[0], asked[1]}));
  EXPECT_EQ(questions.newest(), 3U);
  const std::vector all{confirmed(kTwo, 3), confirmed(kThree, 3)};
  EXPECT_EQ(waiters(questions.take_confirmed(isr, kOne, all, 2)), (std::vector{asked[2]}));
  EXPECT_EQ(questions.newest(), 0U);
}

TEST(LeadershipQuestions, WaitForWhoIsAboutToJoinOrToLeave) {
  LeadershipQuestions questions;
  const auto asked = ask(questions, 1);
  Isr isr({kOne, kTwo}, PartitionEpoch(1));
  isr.propose({{.broker = kOne}, {.broker = kThree}});
  EXPECT_TRUE(questions.take_confirmed(isr, kOne, std::vector{confirmed(kTwo, 1)}, 2).empty());
  EXPECT_TRUE(questions.take_confirmed(isr, kOne, std::vector{confirmed(kThree, 1)}, 2).empty());
  const std::vector both{confirmed(kTwo, 1), confirmed(kThree, 1)};
  EXPECT_EQ(waiters(questions.take_confirmed(isr, kOne, both, 2)), asked);
}

// One that left the ISR may have been elected there (KIP-966).
TEST(LeadershipQuestions, HaveNoCertainAnswerBelowMinInsyncReplicas) {
  LeadershipQuestions questions;
  const auto asked = ask(questions, 2);
  const auto content = std::make_shared<Waits>();
  questions.ask({content, /*must_be_certain=*/false});
  const Isr alone({kOne}, PartitionEpoch(1));
  EXPECT_EQ(waiters(questions.take_confirmed(alone, kOne, {}, 2)),
            (std::vector<std::shared_ptr<CommitWaiter>>{content}));
  EXPECT_EQ(waiters(questions.take_confirmed(alone, kOne, {}, 1)), asked);
}

TEST(LeadershipQuestions, AreForgottenWithTheirAsker) {
  LeadershipQuestions questions;
  const auto asked = ask(questions, 2);
  questions.forget(asked[0].get());
  EXPECT_EQ(waiters(questions.take_all()), (std::vector{asked[1]}));
  EXPECT_TRUE(questions.empty());
}

// Over replicas and their streams.

class Leadership : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto is_here = [&](BrokerId broker) {
      const auto log = cluster_.log(broker);
      return log && log->log_end_offset() == Offset(1);
    };
    ASSERT_TRUE(cluster_.world.run_until_true(
        [&] { return cluster_.partition(kOne) && cluster_.state().isr.size() == 3; }, seconds(5)));
    cluster_.world.run_for(seconds(1));
    ASSERT_EQ(cluster_.append_and_wait(kOne, {"a"}).error, ErrorCode::None);
    ASSERT_TRUE(is_here(kTwo) && is_here(kThree));
  }
  void ask(milliseconds timeout = seconds(2), bool must_be_certain = true) {
    answer_.reset();
    cluster_.replicas(kOne).confirm_leadership({kTopic, 0}, must_be_certain, timeout,
                                               *cluster_.process(kOne).clients,
                                               [&](ErrorCode outcome) { answer_ = outcome; });
  }
  bool is_answered(milliseconds within) {
    return cluster_.world.run_until_true([&] { return answer_.has_value(); }, within);
  }

  SimulatedCluster cluster_{41, {.max_lag = seconds(60)}};
  std::optional<ErrorCode> answer_;
};

TEST_F(Leadership, IsConfirmedInOneRoundTrip) {
  ask();
  EXPECT_FALSE(answer_.has_value());
  ASSERT_TRUE(is_answered(milliseconds(150)));
  EXPECT_EQ(answer_, ErrorCode::None);
}

TEST_F(Leadership, OfOneWhoWasReplacedAndDoesNotKnowItIsNotConfirmed) {
  cluster_.uninformed = {kOne};
  cluster_.elect(0, kTwo);
  ASSERT_TRUE(cluster_.world.run_until_true(
      [&] { return cluster_.partition(kTwo)->view().role == Partition::Role::Leader; },
      seconds(5)));
  EXPECT_EQ(cluster_.partition(kOne)->view().role, Partition::Role::Leader);
  ask(milliseconds(500));
  ASSERT_TRUE(is_answered(seconds(2)));
  EXPECT_EQ(answer_, ErrorCode::RequestTimedOut);

  ask(seconds(10));
  cluster_.inform_all();
  ASSERT_TRUE(is_answered(seconds(2)));
  EXPECT_EQ(answer_, ErrorCode::NotLeaderOrFollower);
}

TEST_F(Leadership, IsAskedForAgainOnANewStream) {
  cluster_.streams.cut(kOne, kTwo);
  ask();
  EXPECT_FALSE(is_answered(milliseconds(500)));
  cluster_.streams.heal_all();
  cluster_.streams.break_all();
  ASSERT_TRUE(is_answered(seconds(1)));
  EXPECT_EQ(answer_, ErrorCode::None);
}

TEST_F(Leadership, IsNotAskedOfWhoLeavesTheIsr) {
  cluster_.streams.cut(kOne, kThree);
  ask();
  EXPECT_FALSE(is_answered(milliseconds(500)));
  cluster_.suspects = {kThree};
  cluster_.put_out(0, kThree);
  ASSERT_TRUE(is_answered(seconds(1)));
  EXPECT_EQ(answer_, ErrorCode::None);
}

TEST_F(Leadership, IsAskedOfNobodyByTheLastOfTheIsr) {
  cluster_.suspects = {kTwo, kThree};
  cluster_.put_out(0, kThree);
  cluster_.put_out(0, kTwo);
  ASSERT_TRUE(cluster_.world.run_until_true(
      [&] { return cluster_.partition(kOne)->view().isr.size() == 1; }, seconds(2)));
  cluster_.streams.cut(kOne, kTwo);
  cluster_.streams.cut(kOne, kThree);
  ask(seconds(2), /*must_be_certain=*/false);
  ASSERT_TRUE(is_answered(milliseconds(50)));
  EXPECT_EQ(answer_, ErrorCode::None);

  ask(seconds(10));
  EXPECT_FALSE(is_answered(seconds(1)));
  cluster_.suspects.clear();
  cluster_.streams.heal_all();
  ASSERT_TRUE(is_answered(seconds(5)));
  EXPECT_EQ(answer_, ErrorCode::None);
}

TEST_F(Leadership, OfWhatIsNotHereIsRefused) {
  cluster_.replicas(kTwo).confirm_leadership({kTopic, 0}, true, seconds(1),
                                             *cluster_.process(kTwo).clients,
                                             [&](ErrorCode outcome) { answer_ = outcome; });
  ASSERT_TRUE(is_answered(milliseconds(50)));
  EXPECT_EQ(answer_, ErrorCode::NotLeaderOrFollower);
  answer_.reset();
  cluster_.replicas(kOne).confirm_leadership({"nothing", 0}, true, seconds(1),
                                             *cluster_.process(kOne).clients,
                                             [&](ErrorCode outcome) { answer_ = outcome; });
  ASSERT_TRUE(is_answered(milliseconds(50)));
  EXPECT_EQ(answer_, ErrorCode::UnknownTopicOrPartition);
}

}  // namespace
}  // namespace ottla::replica
