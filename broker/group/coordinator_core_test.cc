#include "broker/group/coordinator_core.h"

#include <gmock/gmock.h>

#include "broker/group/coordinator_for_tests.h"
#include "broker/group/group_loader.h"

namespace ottla::group {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

const TopicPartition kOrders0{"orders", 0};
const JoinCaller kNewCaller{.client_id = "c",
                            .client_host = "/h",
                            .takes_member_id_first = true,
                            .takes_skip_assignment = true};

GroupState state_of(const TestCoordinator& test, const std::string& group) {
  const auto described = test.core.describe(group);
  for (const GroupState state : kGroupStates) {
    if (described.state == name_of(state)) return state;
  }
  ADD_FAILURE() << "no state: " << described.state;
  return GroupState::Dead;
}

// Joining.

TEST(JoinGroup, WaitsForMoreMembersAtFirst) {
  TestCoordinator test;
  const auto first = test.join("g", {});
  test.pass(milliseconds(2'900));
  const auto second = test.join("g", {});
  test.pass(milliseconds(2'900));
  EXPECT_FALSE(*first) << "the second member prolongs the wait";
  test.pass(milliseconds(200));
  ASSERT_TRUE(*first && *second);
  EXPECT_EQ((*first)->generation, 1);
  EXPECT_EQ((*second)->generation, 1);
  EXPECT_EQ((*first)->leader, (*first)->member_id);
  EXPECT_THAT((*first)->members, UnorderedElementsAre((*first)->member_id, (*second)->member_id));
  EXPECT_THAT((*second)->members, IsEmpty()) << "only the leader needs to know";
  EXPECT_THAT((*first)->member_id, StartsWith("c-"));
  EXPECT_EQ((*first)->member_id.size(),
            std::string("c-00000000-0000-4000-8000-000000000000").size());
}

TEST(JoinGroup, DoesNotWaitLongerThanTheRebalanceTimeout) {
  TestCoordinator test;
  const auto first = test.join("g", {.rebalance_timeout_ms = 5'000});
  test.pass(milliseconds(2'000));
  (void)test.join("g", {.rebalance_timeout_ms = 5'000});
  test.pass(milliseconds(2'000));
  (void)test.join("g", {.rebalance_timeout_ms = 5'000});
  test.pass(milliseconds(1'100));
  ASSERT_TRUE(*first);
  EXPECT_THAT((*first)->members, SizeIs(3));
}

TEST(JoinGroup, GivesNewClientsAnIdFirst) {
  TestCoordinator test;
  const auto asked = test.join("g", {.caller = kNewCaller});
  ASSERT_TRUE(*asked);
  EXPECT_EQ((*asked)->error, ErrorCode::MemberIdRequired);
  const auto joined = test.join("g", {.member_id = (*asked)->member_id, .caller = kNewCaller});
  test.pass(seconds(3));
  ASSERT_TRUE(*joined);
  EXPECT_EQ((*joined)->error, ErrorCode::None);
  EXPECT_EQ((*joined)->member_id, (*asked)->member_id);
}

TEST(JoinGroup, WaitsForThoseWhoHaveAnIdUntilTheirSessionEnds) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  const auto asked = test.join("g", {.session_timeout_ms = 6'000, .caller = kNewCaller});
  ASSERT_EQ((*asked)->error, ErrorCode::MemberIdRequired);
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::None) << "an id is no member yet";
  (void)test.leave("g", other);
  const auto again = test.join("g", {.member_id = leader, .session_timeout_ms = 60'000});
  test.pass(seconds(5));
  EXPECT_FALSE(*again);
  test.pass(seconds(2));
  ASSERT_TRUE(*again);
  EXPECT_THAT((*again)->members, ElementsAre(leader));
  EXPECT_EQ((*test.join("g", {.member_id = (*asked)->member_id}))->error,
            ErrorCode::UnknownMemberId);
}

TEST(JoinGroup, RefusesWhatCannotBe) {
  TestCoordinator test({.max_session_timeout = milliseconds(30'000)});
  EXPECT_EQ((*test.join("", {}))->error, ErrorCode::InvalidGroupId);
  EXPECT_EQ((*test.join("g", {.session_timeout_ms = 5'999}))->error,
            ErrorCode::InvalidSessionTimeout);
  EXPECT_EQ((*test.join("g", {.session_timeout_ms = 30'001}))->error,
            ErrorCode::InvalidSessionTimeout);
  EXPECT_EQ((*test.join("g", {.member_id = "nobody"}))->error, ErrorCode::UnknownMemberId);
  EXPECT_EQ((*test.join("g", {.protocols = {}}))->error, ErrorCode::InconsistentGroupProtocol);
  EXPECT_EQ((*test.join("g", {.protocol_type = ""}))->error, ErrorCode::InconsistentGroupProtocol);
  test.stable_pair("h");
  EXPECT_EQ((*test.join("h", {.protocol_type = "connect"}))->error,
            ErrorCode::InconsistentGroupProtocol);
  EXPECT_EQ((*test.join("h", {.protocols = {{"sticky", "m"}}}))->error,
            ErrorCode::InconsistentGroupProtocol);
}

TEST(JoinGroup, ChoosesWhatMostPreferAmongWhatAllKnow) {
  TestCoordinator test;
  const auto a = test.join("g", {.protocols = {{"sticky", "s"}, {"range", "r"}}});
  (void)test.join("g", {.protocols = {{"range", "r"}, {"sticky", "s"}}});
  (void)test.join("g", {.protocols = {{"new", "n"}, {"sticky", "s3"}, {"range", "r"}}});
  test.pass(seconds(6));
  ASSERT_TRUE(*a);
  EXPECT_EQ((*a)->protocol, "sticky");
  EXPECT_THAT((*a)->metadata, UnorderedElementsAre("s", "s", "s3"));
}

TEST(JoinGroup, HoldsTheGroupToItsLargestSize) {
  TestCoordinator test({.max_size = 2});
  test.stable_pair("g");
  EXPECT_EQ((*test.join("g", {}))->error, ErrorCode::GroupMaxSizeReached);
}

TEST(JoinGroup, AnswersAFollowerThatAsksAgainWithoutARebalance) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  const auto same = test.join("g", {.member_id = other});
  ASSERT_TRUE(*same);
  EXPECT_EQ((*same)->generation, 1);
  EXPECT_EQ((*same)->leader, leader);
  EXPECT_EQ(state_of(test, "g"), GroupState::Stable);
  const auto changed = test.join("g", {.member_id = other, .protocols = {{"range", "other"}}});
  EXPECT_FALSE(*changed);
  EXPECT_EQ(state_of(test, "g"), GroupState::PreparingRebalance);
}

TEST(JoinGroup, TheLeaderCanForceARebalance) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  const auto again = test.join("g", {.member_id = leader});
  EXPECT_FALSE(*again);
  EXPECT_EQ(test.heartbeat("g", other, 1), ErrorCode::RebalanceInProgress);
  const auto joined = test.join("g", {.member_id = other});
  ASSERT_TRUE(*again && *joined) << "all are there: nothing to wait for";
  EXPECT_EQ((*again)->generation, 2);
}

TEST(JoinGroup, DropsDynamicMembersThatDoNotJoinInTime) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  const auto again = test.join("g", {.member_id = other, .protocols = {{"range", "x"}}});
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::RebalanceInProgress);
    test.pass(seconds(5));
  }
  ASSERT_TRUE(*again);
  EXPECT_THAT((*again)->members, ElementsAre(other));
  EXPECT_EQ((*again)->leader, other);
  EXPECT_EQ(test.heartbeat("g", leader, 2), ErrorCode::UnknownMemberId);
}

// Syncing.

TEST(SyncGroup, HandsOutTheLeadersAssignmentOnceItIsStored) {
  TestCoordinator test;
  const auto first = test.join("g", {});
  const auto second = test.join("g", {});
  test.pass(seconds(6));
  const std::string leader = (*first)->member_id;
  const std::string other = (*second)->member_id;
  const auto others = test.sync("g", other, 1);
  EXPECT_FALSE(*others);
  test.log.hold = true;
  const auto leaders = test.sync("g", leader, 1, {{leader, "a"}, {other, "b"}, {"nobody", "c"}});
  EXPECT_FALSE(*leaders || *others);
  EXPECT_EQ(state_of(test, "g"), GroupState::CompletingRebalance);
  test.log.release();
  ASSERT_TRUE(*leaders && *others);
  EXPECT_EQ((*leaders)->assignment, "a");
  EXPECT_EQ((*others)->assignment, "b");
  EXPECT_EQ((*test.sync("g", other, 1))->assignment, "b") << "as often as it asks";
}

TEST(SyncGroup, BeginsAnewWhenTheAssignmentCannotBeStored) {
  TestCoordinator test;
  const auto only = test.join("g", {});
  test.pass(seconds(3));
  test.log.fail_with = ErrorCode::NotEnoughReplicas;
  const auto synced = test.sync("g", (*only)->member_id, 1, {{(*only)->member_id, "a"}});
  EXPECT_EQ((*synced)->error, ErrorCode::CoordinatorNotAvailable);
  EXPECT_EQ(state_of(test, "g"), GroupState::PreparingRebalance);
}

TEST(SyncGroup, IsVoidWhenAnotherRebalanceBegan) {
  TestCoordinator test;
  const auto only = test.join("g", {});
  test.pass(seconds(3));
  test.log.hold = true;
  const auto synced = test.sync("g", (*only)->member_id, 1, {{(*only)->member_id, "a"}});
  const auto second = test.join("g", {});
  ASSERT_TRUE(*synced);
  EXPECT_EQ((*synced)->error, ErrorCode::RebalanceInProgress);
  test.log.release();
  EXPECT_EQ(state_of(test, "g"), GroupState::PreparingRebalance);
  const auto again = test.join("g", {.member_id = (*only)->member_id});
  ASSERT_TRUE(*again && *second);
  EXPECT_EQ((*again)->generation, 2);
}

TEST(SyncGroup, RefusesStrangersAndOldGenerations) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  EXPECT_EQ((*test.sync("g", "nobody", 1))->error, ErrorCode::UnknownMemberId);
  EXPECT_EQ((*test.sync("g", other, 7))->error, ErrorCode::IllegalGeneration);
  EXPECT_EQ((*test.sync("none", other, 1))->error, ErrorCode::UnknownMemberId);
  protocol::SyncGroupRequest request;
  request.group_id = "g";
  request.member_id = other;
  request.generation_id = 1;
  request.protocol_type = "consumer";
  request.protocol_name = "sticky";
  ErrorCode error = ErrorCode::None;
  test.core.sync(request, [&](const auto& told) { error = told.error_code; });
  EXPECT_EQ(error, ErrorCode::InconsistentGroupProtocol);
}

TEST(SyncGroup, WhoDoesNotAskForItsAssignmentIsDropped) {
  TestCoordinator test;
  const auto first = test.join("g", {.rebalance_timeout_ms = 20'000});
  const auto second = test.join("g", {.rebalance_timeout_ms = 20'000});
  test.pass(seconds(6));
  const std::string leader = (*first)->member_id;
  const auto synced = test.sync("g", leader, 1, {{leader, "a"}});
  ASSERT_TRUE(*synced);
  for (int i = 0; i < 5; ++i) {
    (void)test.heartbeat("g", (*second)->member_id, 1);
    (void)test.heartbeat("g", leader, 1);
    test.pass(seconds(4));
  }
  EXPECT_EQ(test.heartbeat("g", (*second)->member_id, 1), ErrorCode::UnknownMemberId);
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::RebalanceInProgress);
}

// Sessions.

TEST(Heartbeat, KeepsTheSessionAlive) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  for (int i = 0; i < 5; ++i) {
    test.pass(seconds(9));
    EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::None) << i;
    EXPECT_EQ(test.heartbeat("g", other, 1), ErrorCode::None) << i;
  }
  EXPECT_EQ(test.heartbeat("g", other, 2), ErrorCode::IllegalGeneration);
  EXPECT_EQ(test.heartbeat("", other, 1), ErrorCode::InvalidGroupId);
}

TEST(Heartbeat, SilenceEndsTheMembership) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  test.pass(seconds(6));
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::None);
  test.pass(milliseconds(4'500));
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::RebalanceInProgress);
  EXPECT_EQ(test.heartbeat("g", other, 1), ErrorCode::UnknownMemberId);
  const auto alone = test.join("g", {.member_id = leader});
  ASSERT_TRUE(*alone);
  EXPECT_THAT((*alone)->members, ElementsAre(leader));
}

TEST(Heartbeat, AMemberThatWaitsForUsIsAlive) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  const auto again = test.join("g", {.member_id = leader});
  for (int i = 0; i < 6; ++i) {
    (void)test.heartbeat("g", other, 1);
    test.pass(seconds(9));
  }
  EXPECT_FALSE(*again) << "55 of 60 seconds have passed";
  const auto others = test.join("g", {.member_id = other});
  ASSERT_TRUE(*again && *others);
  EXPECT_THAT((*again)->members, UnorderedElementsAre(leader, other));
}

TEST(Heartbeat, ANewMemberIsNotWaitedForForEver) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  const auto ghost = test.join("g", {.rebalance_timeout_ms = 600'000});
  const auto one = test.join("g", {.member_id = leader});
  for (int i = 0; i < 31; ++i) {
    (void)test.heartbeat("g", other, 1);
    test.pass(seconds(10) - milliseconds(1));
  }
  ASSERT_TRUE(*ghost);
  EXPECT_EQ((*ghost)->error, ErrorCode::UnknownMemberId);
}

// Leaving.

TEST(LeaveGroup, MakesTheOthersRebalanceAtOnce) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  EXPECT_EQ(test.leave("g", other), ErrorCode::None);
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::RebalanceInProgress);
  EXPECT_EQ(test.leave("g", other), ErrorCode::UnknownMemberId);
  EXPECT_EQ(test.leave("none", other), ErrorCode::UnknownMemberId);
}

TEST(LeaveGroup, TheLastOneLeavesAnEmptyGroup) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  (void)test.leave("g", leader);
  (void)test.leave("g", other);
  EXPECT_EQ(state_of(test, "g"), GroupState::Empty);
  const auto& last = test.log.logs[0].back();
  const auto entry = decode_entry(as_bytes(last.key), as_bytes(*last.value));
  const auto& stored = std::get<GroupEntry>(**entry);
  EXPECT_EQ(stored.image->generation, 2);
  EXPECT_EQ(stored.image->protocol_type, "consumer");
  EXPECT_EQ(stored.image->protocol, std::nullopt);
  EXPECT_THAT(stored.image->members, IsEmpty());
}

// Static members.

struct StaticPair : ::testing::Test {
  StaticPair() {
    const auto a = test.join("g", {.instance_id = "a"});
    const auto b = test.join("g", {.instance_id = "b"});
    test.pass(seconds(6));
    leader = (*a)->member_id;
    other = (*b)->member_id;
    (void)test.sync("g", other, 1);
    (void)test.sync("g", leader, 1, {{leader, "A"}, {other, "B"}});
  }
  TestCoordinator test;
  std::string leader;
  std::string other;
};

TEST_F(StaticPair, ComesBackWithoutARebalance) {
  const auto back = test.join("g", {.instance_id = "b", .caller = kNewCaller});
  ASSERT_TRUE(*back);
  EXPECT_EQ((*back)->error, ErrorCode::None);
  EXPECT_EQ((*back)->generation, 1);
  EXPECT_NE((*back)->member_id, other);
  EXPECT_EQ((*back)->leader, leader);
  EXPECT_FALSE((*back)->skip_assignment);
  EXPECT_EQ((*test.sync("g", (*back)->member_id, 1, {}, "b"))->assignment, "B");
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::None);
  EXPECT_EQ(test.heartbeat("g", other, 1, "b"), ErrorCode::FencedInstanceId);
  EXPECT_EQ(test.heartbeat("g", other, 1), ErrorCode::UnknownMemberId);
  EXPECT_EQ((*test.join("g", {.member_id = other, .instance_id = "b"}))->error,
            ErrorCode::FencedInstanceId);
}

TEST_F(StaticPair, AReturningLeaderIsToldThatItNeedNotAssign) {
  const auto back = test.join("g", {.instance_id = "a", .caller = kNewCaller});
  ASSERT_TRUE(*back);
  EXPECT_EQ((*back)->leader, (*back)->member_id);
  EXPECT_TRUE((*back)->skip_assignment);
  EXPECT_THAT((*back)->members, SizeIs(2));
  const auto older = test.join("g", {.instance_id = "a"});
  EXPECT_EQ((*older)->leader, (*back)->member_id) << "the old id, so that it does not assign";
  EXPECT_THAT((*older)->members, IsEmpty());
}

TEST_F(StaticPair, ARebalanceFollowsWhenItsProtocolsChange) {
  const auto back = test.join("g", {.instance_id = "b", .protocols = {{"range", "new"}}});
  ASSERT_TRUE(*back) << "other metadata under the same protocol do not matter";
  (void)test.join("g", {.instance_id = "a", .protocols = {{"sticky", "m"}, {"range", "m"}}});
  EXPECT_EQ(state_of(test, "g"), GroupState::Stable) << "all still know range only";
}

TEST_F(StaticPair, GoesBackWhenTheChangeCannotBeStored) {
  test.log.fail_with = ErrorCode::NotLeaderOrFollower;
  const auto back = test.join("g", {.instance_id = "b"});
  ASSERT_TRUE(*back);
  EXPECT_EQ((*back)->error, ErrorCode::NotCoordinator);
  EXPECT_EQ((*back)->member_id, "");
  EXPECT_EQ(test.heartbeat("g", other, 1, "b"), ErrorCode::None);
}

TEST_F(StaticPair, KeepsItsPlaceUntilItsSessionEnds) {
  test.pass(seconds(6));
  (void)test.heartbeat("g", leader, 1);
  test.pass(milliseconds(4'500));
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::RebalanceInProgress);
  EXPECT_THAT(test.core.describe("g").members, SizeIs(1));
}

TEST_F(StaticPair, IsRemovedByItsInstanceId) {
  EXPECT_EQ(test.leave("g", "", "b"), ErrorCode::None);
  EXPECT_EQ(test.leave("g", "", "b"), ErrorCode::UnknownMemberId);
  EXPECT_EQ(test.leave("g", "wrong", "a"), ErrorCode::FencedInstanceId);
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::RebalanceInProgress);
}

TEST_F(StaticPair, FencesTheOldOneWhereItWaits) {
  const auto waiting = test.join("g", {.member_id = leader, .instance_id = "a"});
  EXPECT_FALSE(*waiting);
  const auto back = test.join("g", {.instance_id = "a"});
  ASSERT_TRUE(*waiting);
  EXPECT_EQ((*waiting)->error, ErrorCode::FencedInstanceId);
  const auto others = test.join("g", {.member_id = other, .instance_id = "b"});
  ASSERT_TRUE(*back && *others);
  EXPECT_EQ((*back)->generation, 2);
}

// Offsets.

TEST(OffsetCommit, IsTakenFromWhoIsInNoGroup) {
  TestCoordinator test;
  EXPECT_EQ(**test.commit("g", kOrders0, 42, {}), ErrorCode::None);
  EXPECT_EQ(test.offset("g", kOrders0), 42);
  EXPECT_EQ(test.offset("g", {"orders", 1}), -1);
  EXPECT_EQ(test.offset("none", kOrders0), -1);
  EXPECT_EQ(state_of(test, "g"), GroupState::Empty);
  EXPECT_EQ(test.core.describe("g").protocol_type, "");
  EXPECT_EQ(**test.commit("g", kOrders0, 43, {.member_id = "whoever"}), ErrorCode::None)
      << "without a generation nobody asks who it is";
}

TEST(OffsetCommit, OnlyMembersOfTheGenerationMayCommit) {
  TestCoordinator test;
  EXPECT_EQ(**test.commit("g", kOrders0, 1, {.generation = 3}), ErrorCode::IllegalGeneration);
  const auto [leader, other] = test.stable_pair("g");
  EXPECT_EQ(**test.commit("g", kOrders0, 1, {}), ErrorCode::UnknownMemberId);
  EXPECT_EQ(**test.commit("g", kOrders0, 1, {.member_id = "x", .generation = 1}),
            ErrorCode::UnknownMemberId);
  EXPECT_EQ(**test.commit("g", kOrders0, 1, {.member_id = other, .generation = 0}),
            ErrorCode::IllegalGeneration);
  EXPECT_EQ(**test.commit("g", kOrders0, 1, {.member_id = other, .generation = 1}),
            ErrorCode::None);
  const auto joining = test.join("g", {.member_id = leader});
  EXPECT_EQ(**test.commit("g", kOrders0, 2, {.member_id = other, .generation = 1}), ErrorCode::None)
      << "before it joins again it may commit what it has done";
  (void)test.join("g", {.member_id = other});
  EXPECT_EQ(**test.commit("g", kOrders0, 3, {.member_id = other, .generation = 2}),
            ErrorCode::RebalanceInProgress);
  EXPECT_EQ(test.offset("g", kOrders0), 2);
}

TEST(OffsetCommit, IsShownOnceItIsStored) {
  TestCoordinator test;
  test.log.hold = true;
  const auto first = test.commit("g", kOrders0, 1, {});
  const auto second = test.commit("g", kOrders0, 2, {});
  EXPECT_EQ(test.offset("g", kOrders0), -1);
  test.log.release();
  EXPECT_EQ(**first, ErrorCode::None);
  EXPECT_FALSE(*second);
  EXPECT_EQ(test.offset("g", kOrders0), 1);
  test.log.release(ErrorCode::NotEnoughReplicasAfterAppend);
  EXPECT_EQ(**second, ErrorCode::CoordinatorNotAvailable);
  EXPECT_EQ(test.offset("g", kOrders0), 1);
}

TEST(OffsetCommit, TranslatesTheLogsErrors) {
  TestCoordinator test;
  const std::pair<ErrorCode, ErrorCode> kTable[] = {
      {ErrorCode::NotEnoughReplicas, ErrorCode::CoordinatorNotAvailable},
      {ErrorCode::NotLeaderOrFollower, ErrorCode::NotCoordinator},
      {ErrorCode::FencedLeaderEpoch, ErrorCode::NotCoordinator},
      {ErrorCode::KafkaStorageError, ErrorCode::NotCoordinator},
      {ErrorCode::MessageTooLarge, ErrorCode::InvalidCommitOffsetSize},
      {ErrorCode::RequestTimedOut, ErrorCode::RequestTimedOut}};
  for (const auto& [of_log, told] : kTable) {
    test.log.fail_with = of_log;
    EXPECT_EQ(**test.commit("g", kOrders0, 1, {}), told) << name_of(of_log);
  }
}

TEST(OffsetCommit, RefusesLongTexts) {
  TestCoordinator test({.offset_metadata_max_bytes = 3});
  EXPECT_EQ(**test.commit("g", kOrders0, 1, {.metadata = "four"}),
            ErrorCode::OffsetMetadataTooLarge);
  EXPECT_EQ(**test.commit("g", kOrders0, 1, {.metadata = "äöü"}), ErrorCode::None)
      << "counted as Java counts";
  EXPECT_THAT(test.log.logs[0], SizeIs(1));
}

TEST(OffsetDelete, LeavesWhatIsInUse) {
  TestCoordinator test;
  (void)test.commit("g", kOrders0, 5, {});
  (void)test.commit("g", {"old", 0}, 5, {});
  // A subscription to "orders", version 0.
  const std::string subscription{"\0\0\0\0\0\1\0\6orders\xff\xff\xff\xff", 18};
  const auto only = test.join("g", {.protocols = {{"range", subscription}}});
  test.pass(seconds(3));
  (void)test.sync("g", (*only)->member_id, 1, {{(*only)->member_id, "a"}});
  DeletedOffsets deleted;
  test.core.delete_offsets("g", {kOrders0, {"old", 0}, {"old", 7}},
                           [&](DeletedOffsets outcome) { deleted = std::move(outcome); });
  EXPECT_EQ(deleted.error, ErrorCode::None);
  EXPECT_THAT(deleted.outcomes,
              ElementsAre(ErrorCode::GroupSubscribedToTopic, ErrorCode::None, ErrorCode::None));
  EXPECT_EQ(test.offset("g", kOrders0), 5);
  EXPECT_EQ(test.offset("g", {"old", 0}), -1);
  test.core.delete_offsets("none", {kOrders0},
                           [&](DeletedOffsets outcome) { deleted = std::move(outcome); });
  EXPECT_EQ(deleted.error, ErrorCode::GroupIdNotFound);
}

TEST(OffsetDelete, OfACommitOnItsWayLeavesNothing) {
  TestCoordinator test;
  (void)test.commit("g", {"other", 0}, 1, {});
  test.log.hold = true;
  const auto committed = test.commit("g", kOrders0, 5, {});
  DeletedOffsets deleted;
  test.core.delete_offsets("g", {kOrders0},
                           [&](DeletedOffsets outcome) { deleted = std::move(outcome); });
  test.log.release_all();
  EXPECT_EQ(**committed, ErrorCode::None);
  EXPECT_THAT(deleted.outcomes, ElementsAre(ErrorCode::None));
  EXPECT_EQ(test.log.logs[0].back().value, std::nullopt) << "the tombstone stands behind it";
  EXPECT_EQ(test.offset("g", kOrders0), -1) << "as after a failover";
}

TEST(DeleteGroup, TakesEverythingAway) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  (void)test.commit("g", kOrders0, 5, {.member_id = other, .generation = 1});
  ErrorCode outcome = ErrorCode::None;
  const auto remove = [&](const std::string& group) {
    test.core.delete_group(group, [&](ErrorCode told) { outcome = told; });
    return outcome;
  };
  EXPECT_EQ(remove("g"), ErrorCode::NonEmptyGroup);
  EXPECT_EQ(remove("none"), ErrorCode::GroupIdNotFound);
  (void)test.leave("g", leader);
  (void)test.leave("g", other);
  EXPECT_EQ(remove("g"), ErrorCode::None);
  EXPECT_EQ(state_of(test, "g"), GroupState::Dead);
  EXPECT_EQ(test.offset("g", kOrders0), -1);
  const auto& log = test.log.logs[0];
  EXPECT_EQ(log[log.size() - 1].value, std::nullopt);
  EXPECT_EQ(log[log.size() - 2].value, std::nullopt);
  EXPECT_EQ(remove("g"), ErrorCode::GroupIdNotFound);
}

TEST(DeletedTopics, TakeTheirOffsetsWithThem) {
  TestCoordinator test;
  (void)test.commit("g", kOrders0, 5, {});
  (void)test.commit("g", {"other", 0}, 6, {});
  (void)test.commit("only", kOrders0, 5, {});
  test.core.forget_topics({"orders"});
  EXPECT_EQ(test.offset("g", kOrders0), -1);
  EXPECT_EQ(test.offset("g", {"other", 0}), 6);
  EXPECT_EQ(state_of(test, "only"), GroupState::Dead);
}

TEST(Expiry, TakesWhatNobodyUses) {
  TestCoordinator test({.offsets_retention = std::chrono::hours(24)});
  const std::string subscription{"\0\0\0\0\0\1\0\6orders\xff\xff\xff\xff", 18};
  const auto only =
      test.join("live", {.protocols = {{"range", subscription}}, .session_timeout_ms = 1'800'000});
  test.pass(seconds(3));
  const std::string id = (*only)->member_id;
  (void)test.sync("live", id, 1, {{id, "a"}});
  (void)test.commit("live", kOrders0, 1, {.member_id = id, .generation = 1});
  (void)test.commit("live", {"old", 0}, 1, {.member_id = id, .generation = 1});
  const auto [leader, other] = test.stable_pair("left");
  (void)test.commit("left", kOrders0, 1, {.member_id = other, .generation = 1});
  (void)test.commit("simple", kOrders0, 1, {});
  const auto day = [&] {
    for (int i = 0; i < 49; ++i) {
      (void)test.heartbeat("live", id, 1);
      test.pass(std::chrono::minutes(29));
    }
  };
  day();  // The pair's sessions end at its beginning.
  (void)test.commit("simple", kOrders0, 2, {});
  (void)test.heartbeat("live", id, 1);
  test.pass(std::chrono::minutes(19));  // Now it is a day and a few seconds.
  test.core.expire();
  EXPECT_EQ(test.offset("live", kOrders0), 1) << "subscribed";
  EXPECT_EQ(test.offset("live", {"old", 0}), -1);
  EXPECT_EQ(state_of(test, "live"), GroupState::Stable);
  EXPECT_EQ(state_of(test, "left"), GroupState::Empty) << "it lost its members a little later";
  EXPECT_EQ(test.offset("simple", kOrders0), 2);
  test.pass(std::chrono::hours(1));
  test.core.expire();
  EXPECT_EQ(state_of(test, "left"), GroupState::Dead);
  EXPECT_EQ(test.log.logs[0].back().value, std::nullopt) << "its tombstone";
  day();
  test.core.expire();
  EXPECT_EQ(state_of(test, "simple"), GroupState::Dead);
}

TEST(Expiry, IsForetold) {
  TestCoordinator test({.offsets_retention = std::chrono::hours(24 * 7)});
  (void)test.commit("g", kOrders0, 1, {});
  (void)test.commit("other", kOrders0, 1, {});
  const auto groups_expiring_soon = [&] {
    test.core.expire();
    return test.core.sizes().groups_expiring_soon;
  };
  test.pass(std::chrono::hours(24 * 6 - 1));
  EXPECT_EQ(groups_expiring_soon(), 0u);
  test.pass(std::chrono::hours(2));
  EXPECT_EQ(groups_expiring_soon(), 2u) << "a day before";
  (void)test.commit("g", kOrders0, 2, {});
  EXPECT_EQ(groups_expiring_soon(), 1u) << "it is used again";
  test.pass(std::chrono::hours(24));
  EXPECT_EQ(groups_expiring_soon(), 0u) << "gone";
  EXPECT_EQ(test.offset("other", kOrders0), -1);
  EXPECT_EQ(test.offset("g", kOrders0), 2);
}

TEST(Expiry, ClearsGroupsAwayThatNeverCameToBe) {
  TestCoordinator test;
  (void)test.join("wrong", {.protocols = {}});
  (void)test.join("asked", {.caller = kNewCaller});
  EXPECT_THAT(test.core.list({}).groups, SizeIs(2));
  test.core.expire();
  EXPECT_THAT(test.core.list({}).groups, SizeIs(1)) << "an id was given out for the other one";
  test.pass(seconds(11));
  test.core.expire();
  EXPECT_THAT(test.core.list({}).groups, IsEmpty());
  EXPECT_THAT(test.log.logs[0], IsEmpty()) << "nothing of them was ever stored";
}

// Coming and going of the coordinator.

TEST(Loading, ConcernsTheGroupsOfItsPartitionOnly) {
  TestCoordinator test({}, 50);
  const std::string group = "g";
  const std::int32_t partition = partition_of(group, 50);
  const std::string elsewhere = "h";
  ASSERT_NE(partition_of(elsewhere, 50), partition);
  test.core.resign(partition);
  EXPECT_EQ((*test.join(group, {}))->error, ErrorCode::NotCoordinator);
  EXPECT_TRUE(test.core.begin_loading(partition, LeaderEpoch(3)));
  EXPECT_EQ((*test.join(group, {}))->error, ErrorCode::CoordinatorLoadInProgress);
  EXPECT_EQ(test.heartbeat(group, "m", 1), ErrorCode::None) << "nobody can tell: go on";
  EXPECT_EQ((*test.sync(group, "m", 1))->error, ErrorCode::RebalanceInProgress);
  EXPECT_EQ(test.leave(group, "m"), ErrorCode::CoordinatorLoadInProgress);
  EXPECT_EQ(**test.commit(group, kOrders0, 1, {}), ErrorCode::CoordinatorLoadInProgress);
  EXPECT_EQ(test.core.fetch({group, std::nullopt}, false).error,
            ErrorCode::CoordinatorLoadInProgress);
  EXPECT_EQ(test.core.describe(group).error, ErrorCode::CoordinatorLoadInProgress);
  EXPECT_EQ(test.core.list({}).error, ErrorCode::CoordinatorLoadInProgress);
  EXPECT_EQ(**test.commit(elsewhere, kOrders0, 1, {}), ErrorCode::None);
  test.core.finish_loading(partition, LeaderEpoch(2), {});
  EXPECT_EQ(test.core.describe(group).error, ErrorCode::CoordinatorLoadInProgress)
      << "an older load";
  test.core.finish_loading(partition, LeaderEpoch(3), {});
  EXPECT_EQ(test.core.describe(group).error, ErrorCode::None);
}

TEST(Loading, ANewerEpochOfOurOwnLeadershipKeepsTheGroups) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  EXPECT_FALSE(test.core.begin_loading(0, LeaderEpoch(5)));
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::None);
  test.log.hold = true;
  (void)test.commit("g", kOrders0, 1, {.member_id = other, .generation = 1});
  EXPECT_EQ(test.log.held.front().epoch, LeaderEpoch(5));
}

TEST(Resigning, SendsThoseWhoWaitToTheNewCoordinator) {
  TestCoordinator test;
  const auto [leader, other] = test.stable_pair("g");
  const auto joining = test.join("g", {.member_id = leader});
  const auto newcomer = test.join("h", {});
  test.log.hold = true;
  const auto commit = test.commit("g", kOrders0, 1, {.member_id = other, .generation = 1});
  test.core.resign(0);
  EXPECT_EQ((*joining)->error, ErrorCode::NotCoordinator);
  EXPECT_EQ((*newcomer)->error, ErrorCode::NotCoordinator);
  EXPECT_EQ(test.core.next_deadline(), std::nullopt) << "no timer is left";
  test.log.release(ErrorCode::NotLeaderOrFollower);
  EXPECT_EQ(**commit, ErrorCode::NotCoordinator);
  EXPECT_EQ(test.heartbeat("g", leader, 1), ErrorCode::NotCoordinator);
}

TEST(Listing, FiltersByState) {
  TestCoordinator test;
  test.stable_pair("g");
  (void)test.commit("e", kOrders0, 1, {});
  const auto names = [&](const std::vector<std::string>& states) {
    std::vector<std::string> found;
    for (const auto& listed : test.core.list(states).groups) found.push_back(listed.group);
    return found;
  };
  EXPECT_THAT(names({}), ElementsAre("e", "g"));
  EXPECT_THAT(names({"sTABLE"}), ElementsAre("g"));
  EXPECT_THAT(names({"Empty", "Dead"}), ElementsAre("e"));
  EXPECT_THAT(names({"nonsense"}), IsEmpty());
}

}  // namespace
}  // namespace ottla::group
