#include "broker/group/group_history.h"

#include <gmock/gmock.h>

#include "broker/group/coordinator_for_tests.h"

namespace ottla::group {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

GroupEvent joined(env::WallTimeMs at, std::string member) {
  return {.at = at, .kind = GroupEventKind::Joined, .member = std::move(member)};
}

TEST(GroupHistory, KeepsTheLastEventsOfAGroup) {
  GroupHistory history;
  EXPECT_TRUE(history.of("g").empty());
  for (int i = 0; i < 100; ++i) history.note("g", joined(i, "m" + std::to_string(i)));
  const auto events = history.of("g");
  ASSERT_EQ(events.size(), GroupHistory::kEventsOfAGroup);
  EXPECT_EQ(events.front().member, "m36");
  EXPECT_EQ(events.back().member, "m99");
}

TEST(GroupHistory, CountsWhatHappensAgainAndAgain) {
  GroupHistory history;
  for (int i = 0; i < 100; ++i) {
    history.note("g", {.at = i, .kind = GroupEventKind::Refused, .why = "full"});
  }
  const auto events = history.of("g");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].times, 100);
  EXPECT_EQ(events[0].at, 99);
}

TEST(GroupHistory, ForgetsTheGroupWhoseLastEventIsLongestAgo) {
  GroupHistory history;
  history.note("early", joined(0, "m"));
  history.note("late", joined(1, "m"));
  history.note("early", joined(2, "n"));
  for (std::size_t i = 0; i < GroupHistory::kGroups - 1; ++i) {
    history.note("g" + std::to_string(i), joined(3, std::string(1'000, 'm')));
  }
  EXPECT_TRUE(history.of("late").empty());
  EXPECT_EQ(history.of("early").size(), 2U);
  EXPECT_EQ(history.of("g7").at(0).member.size(), GroupHistory::kLongestText);
}

/// Its events of one kind.
std::vector<GroupEvent> events(const TestCoordinator& test, GroupEventKind kind) {
  std::vector<GroupEvent> found;
  for (const GroupEvent& event : test.core.explain("g").events) {
    if (event.kind == kind) found.push_back(event);
  }
  return found;
}

TEST(GroupAccount, TellsWhoLeftAndWhyAndHowLongRebalancesTook) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  EXPECT_EQ(events(test, GroupEventKind::Joined).size(), 2U);
  EXPECT_EQ(events(test, GroupEventKind::Joined)[0].client, "c, /h");
  auto ended = events(test, GroupEventKind::RebalanceEnded);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].generation, 1);
  EXPECT_EQ(ended[0].members, 2);
  EXPECT_EQ(ended[0].took_ms, 6'000) << "twice group.initial.rebalance.delay.ms";

  // The other one falls silent, the leader takes a second to join again.
  for (int i = 0; i < 2; ++i) {
    test.pass(seconds(5));
    (void)test.heartbeat("g", leader, 1);
  }
  test.pass(seconds(1));
  const auto left = events(test, GroupEventKind::Left);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].member, other);
  EXPECT_THAT(left[0].why, HasSubstr("no heartbeat"));
  EXPECT_EQ(left[0].members, 1);
  EXPECT_THAT(events(test, GroupEventKind::RebalanceBegan).back().why, HasSubstr("no heartbeat"));
  const auto during = test.core.explain("g");
  EXPECT_EQ(during.state, "PreparingRebalance");
  EXPECT_EQ(test.clock.wall_now_ms() - during.rebalance_began, 1'000);
  ASSERT_EQ(during.members.size(), 1U);
  EXPECT_EQ(during.members[0].silent_ms, 1'000);
  EXPECT_FALSE(during.members[0].waits_to_join);

  (void)test.join("g", {.member_id = leader});
  (void)test.sync("g", leader, 2, {{leader, "L"}});
  ended = events(test, GroupEventKind::RebalanceEnded);
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[1].took_ms, 1'000);
  EXPECT_EQ(test.core.explain("g").rebalance_began, -1);

  (void)test.leave("g", leader);
  EXPECT_EQ(events(test, GroupEventKind::Left).back().member, leader);
}

TEST(GroupAccount, RemainsWhenAnotherBrokerCoordinatesTheGroup) {
  TestCoordinator test;
  test.stable_pair("g");
  test.core.resign(0);
  const auto account = test.core.explain("g");
  EXPECT_EQ(account.error, ErrorCode::NotCoordinator);
  EXPECT_EQ(account.events.back().kind, GroupEventKind::Resigned);
}

}  // namespace
}  // namespace ottla::group
