#include "broker/api/fetch_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace ottla::api {
namespace {

using namespace std::chrono_literals;
using Kind = FetchContext::Kind;
using ::testing::ElementsAre;

constexpr env::MonotonicTime kStart{};

FetchTarget target(const std::string& topic, std::int64_t offset = 0) {
  return {{topic, {}, 0}, Offset(offset), 1'000, kUnknownLeaderEpoch, kUnknownLeaderEpoch};
}
FetchOutcome quiet(std::int64_t high_watermark = 5) {
  return {ErrorCode::None, false, false, Offset(high_watermark), Offset(0)};
}
FetchOutcome with_records(std::int64_t high_watermark = 5) {
  return {ErrorCode::None, true, false, Offset(high_watermark), Offset(0)};
}

struct Cache {
  explicit Cache(std::size_t slots = 2) : cache(slots, random) {}

  /// A session over these topics; 0 if none could be had.
  std::int32_t open(const std::vector<std::string>& topics, env::MonotonicTime now = kStart) {
    std::vector<FetchTarget> targets;
    for (const std::string& topic : topics) targets.push_back(target(topic));
    const FetchContext context = cache.begin(0, 0, false, targets, {}, now);
    return cache.finish(context, std::vector<FetchOutcome>(topics.size(), quiet()), now).session_id;
  }
  FetchContext go_on(std::int32_t session, std::int32_t epoch,
                     std::vector<FetchTarget> targets = {},
                     const std::vector<FetchKey>& forgotten = {}, env::MonotonicTime now = kStart) {
    return cache.begin(session, epoch, false, std::move(targets), forgotten, now);
  }

  env::SeededRandom random{7};
  FetchSessionCache cache;
};

std::vector<std::string> topics_of(const FetchContext& context) {
  std::vector<std::string> topics;
  for (const FetchTarget& each : context.targets) topics.push_back(each.key.topic);
  return topics;
}

TEST(FetchSession, AFullFetchOpensASession) {
  Cache under_test;
  const FetchContext context = under_test.cache.begin(0, 0, false, {target("a")}, {}, kStart);
  EXPECT_EQ(context.kind, Kind::Full);
  const FetchVerdict verdict = under_test.cache.finish(context, {quiet()}, kStart);
  EXPECT_NE(verdict.session_id, 0);
  EXPECT_THAT(verdict.included, ElementsAre(true));
  EXPECT_EQ(under_test.cache.sessions(), 1U);
}

TEST(FetchSession, AFetchWithoutSessionLeavesNone) {
  Cache under_test;
  const FetchContext context = under_test.cache.begin(0, -1, false, {target("a")}, {}, kStart);
  EXPECT_EQ(under_test.cache.finish(context, {quiet()}, kStart).session_id, 0);
  EXPECT_EQ(under_test.cache.sessions(), 0U);
}

TEST(FetchSession, AnIncrementalFetchCoversAllPartitionsAndAnswersNewsOnly) {
  Cache under_test;
  const std::int32_t id = under_test.open({"a", "b", "c"});
  FetchContext context = under_test.go_on(id, 1);
  ASSERT_EQ(context.kind, Kind::Incremental);
  EXPECT_THAT(topics_of(context), ElementsAre("a", "b", "c"));
  FetchVerdict verdict =
      under_test.cache.finish(context, {quiet(), with_records(), quiet(6)}, kStart);
  EXPECT_EQ(verdict.session_id, id);
  EXPECT_THAT(verdict.included, ElementsAre(false, true, true));

  // What gave records goes to the end; the high watermark that was told is no news any more.
  context = under_test.go_on(id, 2);
  EXPECT_THAT(topics_of(context), ElementsAre("a", "c", "b"));
  verdict = under_test.cache.finish(context, {quiet(), quiet(6), quiet()}, kStart);
  EXPECT_THAT(verdict.included, ElementsAre(false, false, false));
}

TEST(FetchSession, AnErrorIsToldEachTimeAndItsEndToo) {
  Cache under_test;
  const std::int32_t id = under_test.open({"a"});
  FetchOutcome failed = quiet();
  failed.error = ErrorCode::NotLeaderOrFollower;
  for (const std::int32_t epoch : {1, 2}) {
    const auto verdict = under_test.cache.finish(under_test.go_on(id, epoch), {failed}, kStart);
    EXPECT_THAT(verdict.included, ElementsAre(true));
  }
  const auto verdict = under_test.cache.finish(under_test.go_on(id, 3), {quiet()}, kStart);
  EXPECT_THAT(verdict.included, ElementsAre(true));
}

TEST(FetchSession, PartitionsAreAddedChangedAndForgotten) {
  Cache under_test;
  const std::int32_t id = under_test.open({"a", "b"});
  const FetchContext context =
      under_test.go_on(id, 1, {target("c"), target("a", 9)}, {{"b", {}, 0}});
  EXPECT_THAT(topics_of(context), ElementsAre("a", "c"));
  EXPECT_EQ(context.targets[0].fetch_offset, Offset(9));
}

TEST(FetchSession, EndsWhenAllPartitionsAreForgotten) {
  Cache under_test;
  const std::int32_t id = under_test.open({"a"});
  const FetchContext context = under_test.go_on(id, 1, {}, {{"a", {}, 0}});
  EXPECT_EQ(context.kind, Kind::Sessionless);
  EXPECT_EQ(under_test.cache.sessions(), 0U);
}

TEST(FetchSession, RefusesUnknownSessionsAndWrongEpochs) {
  Cache under_test;
  EXPECT_EQ(under_test.go_on(5, 1).error, ErrorCode::FetchSessionIdNotFound);
  EXPECT_EQ(under_test.go_on(0, 1).error, ErrorCode::FetchSessionIdNotFound);
  const std::int32_t id = under_test.open({"a"});
  EXPECT_EQ(under_test.go_on(id, 2).error, ErrorCode::InvalidFetchSessionEpoch);
  EXPECT_EQ(under_test.cache.begin(id, 1, true, {}, {}, kStart).error,
            ErrorCode::FetchSessionTopicIdError);
  EXPECT_EQ(under_test.go_on(id, 1).kind, Kind::Incremental);
}

TEST(FetchSession, AnAnswerThatWasOvertakenIsRefused) {
  Cache under_test;
  const std::int32_t id = under_test.open({"a"});
  const FetchContext slow = under_test.go_on(id, 1);
  const FetchContext fast = under_test.go_on(id, 2);
  EXPECT_EQ(under_test.cache.finish(slow, {quiet()}, kStart).error,
            ErrorCode::InvalidFetchSessionEpoch);
  EXPECT_EQ(under_test.cache.finish(fast, {quiet()}, kStart).error, ErrorCode::None);
}

TEST(FetchSession, AFullFetchEndsTheSessionItNames) {
  Cache under_test;
  const std::int32_t id = under_test.open({"a"});
  EXPECT_EQ(under_test.cache.begin(id, -1, false, {target("a")}, {}, kStart).kind,
            Kind::Sessionless);
  EXPECT_EQ(under_test.go_on(id, 1).error, ErrorCode::FetchSessionIdNotFound);
}

TEST(FetchSession, AFullCacheRefusesNewSessions) {
  Cache under_test;
  EXPECT_NE(under_test.open({"a"}), 0);
  EXPECT_NE(under_test.open({"b"}), 0);
  EXPECT_EQ(under_test.open({"c", "d", "e"}), 0);
}

TEST(FetchSession, AnUnusedSessionMakesRoom) {
  Cache under_test;
  const std::int32_t unused = under_test.open({"a", "b"});
  const std::int32_t used = under_test.open({"c", "d"});
  (void)under_test.go_on(used, 1, {}, {}, kStart + 100s);
  EXPECT_EQ(under_test.open({"e"}, kStart + 120s), 0);
  EXPECT_NE(under_test.open({"e"}, kStart + 121s), 0);
  EXPECT_EQ(under_test.go_on(unused, 1).error, ErrorCode::FetchSessionIdNotFound);
  EXPECT_EQ(under_test.go_on(used, 2).kind, Kind::Incremental);
}

TEST(FetchSession, ALargerSessionReplacesAnOldSmallerOne) {
  Cache under_test;
  const std::int32_t small = under_test.open({"a"});
  const std::int32_t large = under_test.open({"b", "c", "d"});
  const auto later = kStart + 121s;
  (void)under_test.go_on(small, 1, {}, {}, later);
  (void)under_test.go_on(large, 1, {}, {}, later);
  EXPECT_EQ(under_test.open({"e"}, later), 0);
  EXPECT_NE(under_test.open({"e", "f"}, later), 0);
  EXPECT_EQ(under_test.go_on(small, 2, {}, {}, later).error, ErrorCode::FetchSessionIdNotFound);
  EXPECT_EQ(under_test.cache.partitions(), 5U);
}

}  // namespace
}  // namespace ottla::api
