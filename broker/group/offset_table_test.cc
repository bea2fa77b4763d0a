#include "broker/group/offset_table.h"

#include <gmock/gmock.h>

namespace ottla::group {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const TopicPartition kUsed{"used", 0};
const TopicPartition kUnused{"unused", 0};

// W31: which offsets expire when. The group's kind, its state, what its record says of the last
// change of state, what the commit said of its own end; then the moment of expiry.
struct Row {
  const char* what;
  std::optional<std::string> protocol_type;
  GroupState state;
  std::optional<env::WallTimeMs> state_time;
  std::optional<std::set<std::string>> subscribed;
  std::optional<env::WallTimeMs> expire_time;
  std::optional<env::WallTimeMs> unused_expires_at;
  std::optional<env::WallTimeMs> used_expires_at;
};

constexpr env::WallTimeMs kCommitted = 1'000;
constexpr env::WallTimeMs kEmptied = 5'000;
constexpr env::WallTimeMs kRetention = 10'000;
constexpr auto kNever = std::nullopt;

const Row kTable[] = {
    {"consumer without a group", {}, GroupState::Empty, {}, {}, {}, 11'000, 11'000},
    {"the same, with retention_time_ms", {}, GroupState::Empty, {}, {}, 3'000, 3'000, 3'000},
    {"empty group", "consumer", GroupState::Empty, kEmptied, {}, {}, 15'000, 15'000},
    {"empty group of an old record", "consumer", GroupState::Empty, {}, {}, {}, 11'000, 11'000},
    {"empty group, with retention_time_ms",
     "consumer",
     GroupState::Empty,
     kEmptied,
     {},
     3'000,
     3'000,
     3'000},
    {"stable consumers", "consumer", GroupState::Stable, kEmptied, {{"used"}}, {}, 11'000, kNever},
    {"stable consumers, with retention_time_ms",
     "consumer",
     GroupState::Stable,
     kEmptied,
     {{"used"}},
     3'000,
     3'000,
     kNever},
    {"subscriptions not known", "consumer", GroupState::Stable, kEmptied, {}, {}, kNever, kNever},
    {"stable, not consumers", "connect", GroupState::Stable, kEmptied, {}, {}, kNever, kNever},
    {"empty, not consumers", "connect", GroupState::Empty, kEmptied, {}, {}, 15'000, 15'000},
    {"rebalancing",
     "consumer",
     GroupState::PreparingRebalance,
     kEmptied,
     {{"used"}},
     {},
     kNever,
     kNever},
};

TEST(OffsetExpiry, FollowsTheTable) {
  for (const Row& row : kTable) {
    OffsetTable table;
    for (const TopicPartition& partition : {kUsed, kUnused}) {
      table.load(partition,
                 {{.offset = Offset(1), .commit_time = kCommitted, .expire_time = row.expire_time},
                  Offset(0)});
    }
    const auto expired_at = [&](env::WallTimeMs now, const TopicPartition& partition) {
      const auto expired = table.expired({.state = row.state,
                                          .protocol_type = row.protocol_type,
                                          .state_time = row.state_time,
                                          .subscribed_topics = row.subscribed,
                                          .now = now,
                                          .retention = std::chrono::milliseconds(kRetention)});
      return std::find(expired.begin(), expired.end(), partition) != expired.end();
    };
    for (const auto& [partition, at] :
         {std::pair(kUnused, row.unused_expires_at), std::pair(kUsed, row.used_expires_at)}) {
      if (at) {
        EXPECT_FALSE(expired_at(*at - 1, partition)) << row.what << ' ' << partition;
        EXPECT_TRUE(expired_at(*at, partition)) << row.what << ' ' << partition;
      } else {
        EXPECT_FALSE(expired_at(1'000'000'000, partition)) << row.what << ' ' << partition;
      }
    }
  }
}

TEST(OffsetExpiry, SparesWhatIsBeingCommitted) {
  OffsetTable table;
  table.load(kUsed, {{.offset = Offset(1)}, Offset(0)});
  const ExpiryRules rules{.now = 1'000'000};
  EXPECT_THAT(table.expired(rules), SizeIs(1));
  const auto ticket = table.begin(kUsed);
  EXPECT_THAT(table.expired(rules), IsEmpty());
  table.abandon(kUsed, ticket);
  EXPECT_THAT(table.expired(rules), SizeIs(1));
  table.add_transactional(ProducerId(1), kUsed, {{.offset = Offset(2)}, Offset(1)});
  EXPECT_THAT(table.expired(rules), IsEmpty());
}

TEST(OffsetTable, ATransactionCountsWhenItEnds) {
  OffsetTable table;
  table.add_transactional(ProducerId(1), kUsed, {{.offset = Offset(5)}, Offset(1)});
  table.add_transactional(ProducerId(2), kUnused, {{.offset = Offset(6)}, Offset(2)});
  EXPECT_EQ(table.find(kUsed), nullptr);
  EXPECT_TRUE(table.is_unstable(kUsed));
  table.end_transaction(ProducerId(1), true, Offset(9));
  table.end_transaction(ProducerId(2), false, Offset(9));
  EXPECT_EQ(table.find(kUsed)->committed.offset, Offset(5));
  EXPECT_EQ(table.find(kUnused), nullptr);
  EXPECT_FALSE(table.is_unstable(kUsed));
}

TEST(OffsetTable, ARemovedCommitIsNotBroughtBackByItsOutcome) {
  OffsetTable table;
  const auto before = table.begin(kUsed);
  EXPECT_TRUE(table.remove(kUsed));
  EXPECT_TRUE(table.empty());
  const auto after = table.begin(kUsed);
  table.succeed(kUsed, before, {{.offset = Offset(1)}, Offset(1)});
  EXPECT_EQ(table.find(kUsed), nullptr);
  table.succeed(kUsed, after, {{.offset = Offset(2)}, Offset(3)});
  EXPECT_EQ(table.find(kUsed)->committed.offset, Offset(2));
}

TEST(OffsetTable, TheLaterRecordCounts) {
  OffsetTable table;
  table.add_transactional(ProducerId(1), kUsed, {{.offset = Offset(5)}, Offset(1)});
  const auto ticket = table.begin(kUsed);
  table.succeed(kUsed, ticket, {{.offset = Offset(9)}, Offset(2)});
  table.end_transaction(ProducerId(1), true, Offset(9));
  EXPECT_EQ(table.find(kUsed)->committed.offset, Offset(9));
}

// Outcomes and markers come from several threads: the marker's may overtake.
TEST(OffsetTable, AMarkerDecidesWhatStandsBeforeItAlsoWhenItIsHeardFirst) {
  OffsetTable table;
  const auto committed = table.begin_transactional(ProducerId(1), kUsed);
  EXPECT_TRUE(table.is_unstable(kUsed));
  table.end_transaction(ProducerId(1), true, Offset(6));
  EXPECT_TRUE(table.is_unstable(kUsed)) << "nobody knows yet where the offset stands";
  table.succeed_transactional(ProducerId(1), kUsed, committed, {{.offset = Offset(50)}, Offset(5)});
  EXPECT_FALSE(table.is_unstable(kUsed));
  EXPECT_EQ(table.find(kUsed)->committed.offset, Offset(50));

  const auto aborted = table.begin_transactional(ProducerId(1), kUsed);
  const auto next = table.begin_transactional(ProducerId(1), kUnused);
  table.end_transaction(ProducerId(1), false, Offset(8));
  table.succeed_transactional(ProducerId(1), kUsed, aborted, {{.offset = Offset(60)}, Offset(7)});
  table.succeed_transactional(ProducerId(1), kUnused, next, {{.offset = Offset(70)}, Offset(9)});
  EXPECT_EQ(table.find(kUsed)->committed.offset, Offset(50));
  EXPECT_TRUE(table.is_unstable(kUnused)) << "of the transaction behind the marker";
  table.end_transaction(ProducerId(1), true, Offset(10));
  EXPECT_EQ(table.find(kUnused)->committed.offset, Offset(70));
  EXPECT_FALSE(table.has_transaction(ProducerId(1)));
}

TEST(OffsetTable, AFailedTransactionalCommitLeavesNothing) {
  OffsetTable table;
  const auto ticket = table.begin_transactional(ProducerId(1), kUsed);
  table.abandon_transactional(ProducerId(1), ticket);
  EXPECT_FALSE(table.is_unstable(kUsed));
  EXPECT_TRUE(table.empty());
}

}  // namespace
}  // namespace ottla::group
