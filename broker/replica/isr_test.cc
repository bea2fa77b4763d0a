#include "broker/replica/isr.h"

#include <gtest/gtest.h>

#include "broker/replica/high_watermark.h"

namespace ottla::replica {
namespace {

using std::chrono::seconds;

constexpr BrokerId kOne{1};
constexpr BrokerId kTwo{2};
constexpr BrokerId kThree{3};
constexpr env::Duration kLag = seconds(30);

env::MonotonicTime at(int second) {
  return env::MonotonicTime(seconds(second));
}

std::vector<rpc::IsrMember> processes(const std::vector<BrokerId>& brokers) {
  std::vector<rpc::IsrMember> members;
  for (const BrokerId broker : brokers) members.push_back({broker, BrokerEpoch(broker.value())});
  return members;
}

FollowerState follower(BrokerId broker, std::int64_t end) {
  return {.broker = broker,
          .broker_epoch = BrokerEpoch(7),
          .subscribed = true,
          .log_end_offset = Offset(end)};
}

Offset high_watermark(std::int64_t current, std::int64_t leader_end,
                      const std::vector<FollowerState>& followers, const Isr& isr,
                      std::int32_t min_isr = 1) {
  return next_high_watermark({.current = Offset(current),
                              .leader_end = Offset(leader_end),
                              .followers = followers,
                              .isr = isr,
                              .min_isr = min_isr,
                              .now = at(100),
                              .max_lag = kLag});
}

TEST(HighWatermark, WaitsForTheSlowestInSyncReplica) {
  const Isr isr({kOne, kTwo, kThree}, PartitionEpoch(0));
  EXPECT_EQ(high_watermark(5, 20, {follower(kTwo, 12), follower(kThree, 9)}, isr), Offset(9));
}

TEST(HighWatermark, DoesNotWaitForReplicasOutsideTheIsr) {
  const Isr isr({kOne, kTwo}, PartitionEpoch(0));
  EXPECT_EQ(high_watermark(5, 20, {follower(kTwo, 12), follower(kThree, 9)}, isr), Offset(12));
}

TEST(HighWatermark, NeverMovesBack) {
  const Isr isr({kOne, kTwo}, PartitionEpoch(0));
  EXPECT_EQ(high_watermark(15, 20, {follower(kTwo, 12)}, isr), Offset(15));
  EXPECT_EQ(high_watermark(15, 20, {{.broker = kTwo}}, isr), Offset(15));
}

TEST(HighWatermark, W11StandsStillBelowMinInsyncReplicas) {
  const Isr isr({kOne}, PartitionEpoch(0));
  EXPECT_EQ(high_watermark(5, 20, {}, isr, 2), Offset(5));
}

TEST(HighWatermark, WaitsForWhoeverMayBeInTheIsrByNow) {
  Isr isr({kOne, kTwo}, PartitionEpoch(0));
  isr.propose(processes({kOne, kTwo, kThree}));
  EXPECT_EQ(high_watermark(5, 20, {follower(kTwo, 12), follower(kThree, 9)}, isr), Offset(9));

  Isr shrinking({kOne, kTwo}, PartitionEpoch(0));
  shrinking.propose(processes({kOne}));
  EXPECT_EQ(high_watermark(5, 20, {follower(kTwo, 12)}, shrinking), Offset(12));
}

TEST(HighWatermark, LetsACaughtUpFollowerJoin) {
  const Isr isr({kOne}, PartitionEpoch(0));
  FollowerState joining = follower(kTwo, 18);
  joining.caught_up_at = at(99);
  EXPECT_EQ(high_watermark(5, 20, {joining}, isr), Offset(18));
  joining.subscribed = false;  // its stream is gone: nobody waits for it
  EXPECT_EQ(high_watermark(5, 20, {joining}, isr), Offset(20));
}

TEST(Lag, AFollowerWithAllOfTheLogNeverLags) {
  EXPECT_FALSE(is_lagging(follower(kTwo, 20), Offset(20), at(1000), kLag));
}

TEST(Lag, CountsFromTheMomentItWasCaughtUp) {
  FollowerState state = follower(kTwo, 10);
  state.sent_end_offset = Offset(20);
  state.caught_up_at = at(50);
  EXPECT_FALSE(is_lagging(state, Offset(20), at(80), kLag));
  EXPECT_TRUE(is_lagging(state, Offset(20), at(81), kLag));
}

TEST(Lag, NobodyWaitsForASilentFollowerThatIsBehind) {
  FollowerState state = follower(kTwo, 10);
  state.sent_end_offset = Offset(20);
  state.caught_up_at = at(100);
  state.is_silent = true;
  EXPECT_TRUE(is_lagging(state, Offset(20), at(100), kLag));
  EXPECT_EQ(high_watermark(5, 20, {state}, Isr({kOne}, PartitionEpoch(0))), Offset(20));
  EXPECT_FALSE(is_lagging(state, Offset(10), at(100), kLag));
}

TEST(Lag, ASlowLeaderDoesNotThrowOutFollowersThatHoldAllItServed) {
  FollowerState state = follower(kTwo, 10);
  state.sent_end_offset = Offset(10);
  state.caught_up_at = at(0);
  EXPECT_FALSE(is_lagging(state, Offset(20), at(100), kLag));
  state.subscribed = false;
  EXPECT_TRUE(is_lagging(state, Offset(20), at(100), kLag));
}

TEST(Lag, ProgressUpToWhatWasThereAtTheLastSendingCounts) {
  FollowerState state = follower(kTwo, 0);
  state.on_sent(Offset(10), Offset(10), at(5));
  state.on_progress(Offset(10), Offset(0), Offset(25), at(7));
  EXPECT_EQ(state.caught_up_at, at(5));
  state.on_sent(Offset(25), Offset(25), at(8));
  state.on_progress(Offset(20), Offset(0), Offset(25), at(9));
  EXPECT_EQ(state.caught_up_at, at(5));
  state.on_progress(Offset(25), Offset(0), Offset(25), at(10));
  EXPECT_EQ(state.caught_up_at, at(10));
}

// W10: with a pipeline there is always more on the way than a follower has told of.
TEST(Lag, AFollowerThatKeepsItsDistanceUnderLoadIsCaughtUp) {
  FollowerState state = follower(kTwo, 0);
  std::int64_t end = 0;
  // Each millisecond 10 more are appended and sent; what it tells is 5 ms old.
  for (int ms = 1; ms <= 1000; ++ms) {
    end += 10;
    state.on_sent(Offset(end), Offset(end), at(ms));
    state.on_progress(Offset(std::max<std::int64_t>(end - 50, 0)), Offset(0), Offset(end), at(ms));
  }
  EXPECT_TRUE(is_caught_up(state, Offset(end), at(1000), kLag));
  EXPECT_FALSE(is_lagging(state, Offset(end), at(1000), kLag));
}

TEST(Lag, AFollowerThatFallsFurtherAndFurtherBehindLags) {
  FollowerState state = follower(kTwo, 0);
  for (int ms = 1; ms <= 1000; ++ms) {
    state.on_sent(Offset(10 * ms), Offset(10 * ms), at(ms));
    state.on_progress(Offset(5 * ms), Offset(0), Offset(10 * ms), at(ms));
  }
  EXPECT_TRUE(is_lagging(state, Offset(10'000), at(1000), kLag));
}

// W10, KIP-501: what they miss may be its doing.
TEST(Lag, ASlowLeaderGivesItsFollowersTwiceTheTime) {
  EXPECT_EQ(allowed_lag(kLag, false), kLag);
  EXPECT_EQ(allowed_lag(kLag, true), 2 * kLag);
}

// W4, KAFKA-7128: a follower at the high watermark but below the start of the leader's epoch may
// lack records that were committed before.
TEST(Joining, NeedsTheHighWatermarkAndTheStartOfTheLeadersEpoch) {
  EXPECT_FALSE(may_join(follower(kTwo, 9), Offset(10), Offset(5)));
  EXPECT_FALSE(may_join(follower(kTwo, 12), Offset(10), Offset(15)));
  EXPECT_TRUE(may_join(follower(kTwo, 15), Offset(10), Offset(15)));
  EXPECT_FALSE(may_join({.broker = kTwo}, Offset(0), Offset(0)));
}

TEST(MinIsr, IsNeverMoreThanTheReplicas) {
  EXPECT_EQ(effective_min_isr(2, 3), 2);
  EXPECT_EQ(effective_min_isr(2, 1), 1);
}

TEST(Isr, AnAppliedProposalIsTheNewIsr) {
  Isr isr({kOne, kTwo}, PartitionEpoch(3));
  isr.propose(processes({kOne}));
  EXPECT_TRUE(isr.on_state({kOne}, PartitionEpoch(4)));
  EXPECT_FALSE(isr.is_pending());
  EXPECT_EQ(isr.committed(), std::vector{kOne});
}

TEST(Isr, ACertainRefusalGoesBackToTheCommittedIsr) {
  Isr isr({kOne}, PartitionEpoch(3));
  isr.propose(processes({kOne, kTwo}));
  EXPECT_EQ(isr.on_refused(ErrorCode::IneligibleReplica), Isr::Outcome::Settled);
  EXPECT_FALSE(isr.may_contain(kTwo));
}

// W17: the first sending may have been carried out, or be on its way; nobody but the controller can
// take the new member back.
TEST(Isr, WhatIsRefusedAfterAnUnansweredSendingIsWithdrawn) {
  Isr isr({kOne}, PartitionEpoch(3));
  isr.propose(processes({kOne, kTwo}));
  EXPECT_EQ(isr.on_refused(ErrorCode::NetworkException), Isr::Outcome::Repeat);
  EXPECT_EQ(isr.on_refused(ErrorCode::IneligibleReplica), Isr::Outcome::Repeat);
  EXPECT_EQ(isr.asked(), std::vector{rpc::IsrMember{.broker = kOne}});
  EXPECT_FALSE(isr.is_asking(processes({kOne, kTwo}), PartitionEpoch(3)));
  EXPECT_TRUE(isr.may_contain(kTwo)) << "until the withdrawal is written";
  EXPECT_EQ(isr.on_refused(ErrorCode::RequestTimedOut), Isr::Outcome::Repeat);
  EXPECT_TRUE(isr.on_state({kOne}, PartitionEpoch(4)));
  EXPECT_FALSE(isr.is_pending());
  EXPECT_FALSE(isr.may_contain(kTwo));
}

TEST(Isr, AWithdrawalThatCameTooLateIsSettledByTheState) {
  Isr isr({kOne}, PartitionEpoch(3));
  isr.propose(processes({kOne, kTwo}));
  EXPECT_EQ(isr.on_refused(ErrorCode::NetworkException), Isr::Outcome::Repeat);
  EXPECT_EQ(isr.on_refused(ErrorCode::IneligibleReplica), Isr::Outcome::Repeat);
  EXPECT_EQ(isr.on_refused(ErrorCode::InvalidUpdateVersion), Isr::Outcome::Repeat);
  EXPECT_TRUE(isr.on_state({kOne, kTwo}, PartitionEpoch(4)));
  EXPECT_FALSE(isr.is_pending());
  EXPECT_TRUE(isr.contains(kTwo));
}

// KIP-903: what had caught up was one process, not whoever runs under its id when it is repeated.
TEST(Isr, AProposalIsRepeatedAsItWasMade) {
  Isr isr({kOne}, PartitionEpoch(3));
  const std::vector<rpc::IsrMember> members{{kOne, BrokerEpoch(10)}, {kTwo, BrokerEpoch(20)}};
  isr.propose(members);
  EXPECT_EQ(isr.on_refused(ErrorCode::NotController), Isr::Outcome::Repeat);
  EXPECT_EQ(isr.asked(), members);
}

TEST(Follower, AnotherProcessStartsAnew) {
  FollowerState follower{.broker = kTwo};
  follower.on_subscribed(nullptr, BrokerEpoch(20), Offset(100), false);
  follower.on_progress(Offset(100), Offset(0), Offset(100), at(100));
  ASSERT_TRUE(may_join(follower, Offset(90), Offset(90)));
  follower.on_subscribed(nullptr, BrokerEpoch(21), Offset(70), false);
  EXPECT_FALSE(may_join(follower, Offset(90), Offset(90)))
      << "until it has told its log end offset";
  EXPECT_FALSE(is_caught_up(follower, Offset(100), at(100), kLag));
}

TEST(Follower, AStreamThatBreaksCostsNothing) {
  FollowerState follower{.broker = kTwo};
  follower.on_subscribed(nullptr, BrokerEpoch(20), Offset(100), false);
  follower.on_progress(Offset(100), Offset(0), Offset(100), at(100));
  follower.on_subscribed(nullptr, BrokerEpoch(20), Offset(100), false);
  EXPECT_TRUE(is_caught_up(follower, Offset(110), at(100), kLag));
  EXPECT_TRUE(may_join(follower, Offset(90), Offset(90)));
}

/// It was in the ISR by its predecessor's log; it has as long as anyone to catch up.
TEST(Follower, AMemberOfTheIsrThatStartsAnewHasTimeToCatchUp) {
  FollowerState follower{.broker = kTwo};
  follower.on_subscribed(nullptr, BrokerEpoch(20), Offset(100), true);
  follower.on_progress(Offset(100), Offset(0), Offset(100), at(100));
  follower.on_subscribed(nullptr, BrokerEpoch(21), Offset(100), true);
  EXPECT_TRUE(is_caught_up(follower, Offset(110), at(100), kLag));
  EXPECT_EQ(follower.log_end_offset, kUnknownOffset);
}

// W16: a version mismatch waits for the truth; it is neither skipped nor taken as a refusal.
TEST(Isr, AVersionMismatchIsRepeatedUntilTheControllersStateSettlesIt) {
  Isr isr({kOne, kTwo}, PartitionEpoch(3));
  isr.propose(processes({kOne}));
  EXPECT_EQ(isr.on_refused(ErrorCode::InvalidUpdateVersion), Isr::Outcome::Repeat);
  EXPECT_TRUE(isr.is_pending());
  EXPECT_TRUE(isr.on_state({kOne, kTwo, kThree}, PartitionEpoch(5)));
  EXPECT_FALSE(isr.is_pending());
}

/// Two were under way: what comes late says nothing about the newer one, which may be carried out.
TEST(Isr, AnAnswerToAnOlderProposalEndsNoNewerOne) {
  Isr isr({kOne}, PartitionEpoch(3));
  isr.propose(processes({kOne, kTwo}));
  EXPECT_TRUE(isr.on_state({kOne, kTwo}, PartitionEpoch(4)));
  isr.propose(processes({kOne, kTwo, kThree}));
  EXPECT_FALSE(isr.on_state({kOne, kTwo}, PartitionEpoch(4)));
  EXPECT_TRUE(isr.may_contain(kThree));
  EXPECT_FALSE(isr.is_asking(processes({kOne, kTwo}), PartitionEpoch(3)));
  EXPECT_TRUE(isr.is_asking(processes({kOne, kTwo, kThree}), PartitionEpoch(4)));
}
TEST(Isr, AnOlderStateChangesNothing) {
  Isr isr({kOne, kTwo}, PartitionEpoch(3));
  EXPECT_FALSE(isr.on_state({kOne}, PartitionEpoch(3)));
  EXPECT_FALSE(isr.on_state({kOne}, PartitionEpoch(2)));
  EXPECT_TRUE(isr.contains(kTwo));
}

}  // namespace
}  // namespace ottla::replica
