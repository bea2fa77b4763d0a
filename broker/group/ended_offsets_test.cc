#include <gmock/gmock.h>

#include "broker/group/coordinator_for_tests.h"
#include "broker/group/group_loader.h"
#include "broker/group/log_batch.h"

namespace ottla::group {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

const TopicPartition kOrders0{"orders", 0};
const TopicPartition kOrders1{"orders", 1};

/// What another coordinator makes of the log.
GroupLoader loader_of(const TestCoordinator& test) {
  GroupLoader loader;
  const auto log = test.log.logs.find(0);
  if (log == test.log.logs.end()) return loader;
  for (const LogRecord& record : log->second) {
    EXPECT_TRUE(loader.add(build_batch({record}, record::Codec::None, 1).value()->bytes()));
  }
  return loader;
}

/// "orders-0=7 expired", of what can be brought back.
std::vector<std::string> kept(const CoordinatorCore& core, const std::string& group) {
  std::vector<std::string> texts;
  for (const auto& ended : core.explain(group).ended_offsets) {
    static constexpr const char* kWhy[] = {" expired", " deleted", " group deleted"};
    texts.push_back(ended.partition.to_string() + "=" +
                    std::to_string(ended.offset.committed.offset.value()) +
                    kWhy[static_cast<std::size_t>(ended.offset.why)]);
  }
  return texts;
}

TEST(EndedOffsets, AreKeptForTheWindow) {
  TestCoordinator test({.offsets_retention = hours(1), .undelete_window = hours(2)});
  (void)test.commit("g", kOrders0, 7, {.metadata = "note"});
  test.pass(hours(1));
  test.core.expire();
  EXPECT_EQ(test.offset("g", kOrders0), -1);
  EXPECT_THAT(test.core.list({}).groups, IsEmpty());
  const auto account = test.core.explain("g");
  EXPECT_EQ(account.state, "Dead");
  ASSERT_EQ(account.ended_offsets.size(), 1U);
  EXPECT_EQ(account.ended_offsets[0].offset.committed.metadata, "note");
  EXPECT_EQ(account.ended_offsets[0].offset.ended, test.clock.wall_now_ms());
  EXPECT_EQ(account.ended_offsets[0].kept_until,
            test.clock.wall_now_ms() + milliseconds(hours(2)).count());
  EXPECT_EQ(account.events.back().why, "1 offsets have expired");

  test.pass(hours(2) - milliseconds(1));
  test.core.expire();
  EXPECT_THAT(kept(test.core, "g"), ElementsAre("orders-0=7 expired"));
  test.pass(milliseconds(1));
  test.core.expire();
  EXPECT_THAT(kept(test.core, "g"), IsEmpty());
  EXPECT_THAT(loader_of(test).finish_ended(), IsEmpty()) << "nor does the log keep it";
  const std::size_t records = test.log.logs[0].size();
  test.core.expire();
  EXPECT_EQ(test.log.logs[0].size(), records);
}

TEST(EndedOffsets, AreWrittenBeforeTheirTombstones) {
  TestCoordinator test;
  (void)test.commit("g", kOrders0, 7, {});
  (void)test.commit("g", kOrders1, 8, {});
  test.core.delete_offsets("g", {kOrders0}, [](const DeletedOffsets&) {});
  const auto& log = test.log.logs[0];
  ASSERT_EQ(log.size(), 4U);
  EXPECT_EQ(log[2].key, ended_offset_tombstone("g", kOrders0)->key);
  EXPECT_TRUE(log[2].value);
  EXPECT_EQ(log[3], *offset_tombstone("g", kOrders0));
  EXPECT_THAT(kept(test.core, "g"), ElementsAre("orders-0=7 deleted"));
}

TEST(EndedOffsets, ComeWithTheGroupToAnotherCoordinator) {
  TestCoordinator test;
  (void)test.commit("g", kOrders0, 7, {.metadata = "note"});
  (void)test.commit("g", kOrders1, 8, {});
  test.core.delete_group("g", [](ErrorCode error) { EXPECT_EQ(error, ErrorCode::None); });
  const auto before = test.core.explain("g").ended_offsets;
  ASSERT_EQ(before.size(), 2U);

  GroupLoader log = loader_of(test);
  const auto entries = log.entries();
  GroupLoader snapshot;
  ASSERT_TRUE(snapshot.restore(*entries));
  for (GroupLoader* const loader : {&log, &snapshot}) {
    TestCoordinator other;
    other.clock.time = test.clock.time;
    other.core.resign(0);
    other.core.begin_loading(0, LeaderEpoch(2));
    auto groups = loader->finish();
    EXPECT_THAT(groups, IsEmpty());
    other.core.finish_loading(0, LeaderEpoch(2), std::move(groups), loader->finish_ended());
    EXPECT_THAT(kept(other.core, "g"),
                ElementsAre("orders-0=7 group deleted", "orders-1=8 group deleted"));
    EXPECT_EQ(other.core.explain("g").ended_offsets[0].offset, before[0].offset);
    EXPECT_THAT(kept(other.core, "other"), IsEmpty());
  }
}

TEST(EndedOffsets, SurviveACommitThatBeginsAnew) {
  TestCoordinator test;
  (void)test.commit("g", kOrders0, 1'000, {});
  test.core.delete_group("g", [](ErrorCode) {});
  (void)test.commit("g", kOrders0, 5, {});
  EXPECT_THAT(kept(test.core, "g"), ElementsAre("orders-0=1000 group deleted"));
  // What ended last counts.
  test.core.delete_group("g", [](ErrorCode) {});
  EXPECT_THAT(kept(test.core, "g"), ElementsAre("orders-0=5 group deleted"));
}

TEST(EndedOffsets, OfDeletedTopicsAreGone) {
  TestCoordinator test;
  const TopicPartition other{"other", 0};
  (void)test.commit("g", kOrders0, 7, {});
  (void)test.commit("g", kOrders1, 8, {});
  (void)test.commit("g", other, 9, {});
  test.core.delete_offsets("g", {kOrders0, other}, [](const DeletedOffsets&) {});
  test.core.forget_topics({"orders"});
  EXPECT_THAT(kept(test.core, "g"), ElementsAre("other-0=9 deleted"));
  const auto in_log = loader_of(test).finish_ended();
  ASSERT_EQ(in_log.size(), 1U);
  EXPECT_EQ(in_log.at("g").size(), 1U);
}

TEST(EndedOffsets, AreNotKeptWithoutAWindow) {
  TestCoordinator test({.undelete_window = milliseconds(0)});
  (void)test.commit("g", kOrders0, 7, {});
  test.core.delete_group("g", [](ErrorCode) {});
  EXPECT_THAT(kept(test.core, "g"), IsEmpty());
  EXPECT_EQ(test.log.logs[0].size(), 2U) << "the commit and its tombstone";
}

TEST(EndedOffsets, OfManyPartitionsNeedSeveralBatches) {
  TestCoordinator test;
  const std::string metadata(4'000, 'm');
  for (std::int32_t i = 0; i < 300; ++i) {
    (void)test.commit("g", {"orders", i}, i, {.metadata = metadata});
  }
  test.log.hold = true;
  std::optional<ErrorCode> told;
  test.core.delete_group("g", [&](ErrorCode error) { told = error; });
  ASSERT_EQ(test.log.held.size(), 3U);
  const auto& log = test.log.logs[0];
  for (const auto& append : test.log.held) {
    EXPECT_TRUE(log[static_cast<std::size_t>(append.base_offset.value())].value)
        << "each value stands in one batch with its tombstone";
  }
  test.log.release();
  test.log.release(ErrorCode::NotLeaderOrFollower);
  EXPECT_FALSE(told);
  test.log.release();
  EXPECT_EQ(told, ErrorCode::NotCoordinator);
  EXPECT_EQ(kept(test.core, "g").size(), 300U);
}

}  // namespace
}  // namespace ottla::group
