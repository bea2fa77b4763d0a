#include <gtest/gtest.h>

#include "broker/quota/cold_read_quota.h"
#include "broker/quota/replication_quota.h"
#include "broker/quota/throttled_replicas.h"
#include "broker/quota/token_bucket.h"

namespace ottla::quota {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr env::MonotonicTime kStart{std::chrono::hours(5)};

TEST(TokenBucket, KeepsAQuarterOfASecond) {
  TokenBucket bucket;
  EXPECT_DOUBLE_EQ(bucket.tokens(1000, kStart), 250);
  EXPECT_DOUBLE_EQ(bucket.tokens(1000, kStart + seconds(10)), 250);
}

TEST(TokenBucket, DebtIsWaitedOff) {
  TokenBucket bucket;
  bucket.take(1250, 1000, kStart);
  EXPECT_EQ(bucket.delay(1000, kStart), milliseconds(1001));
  EXPECT_EQ(bucket.delay(1000, kStart + milliseconds(1001)), env::Duration());
}

TEST(TokenBucket, TheRateHoldsWhateverTheSizeOfThePieces) {
  for (const double piece : {10.0, 700.0, 5000.0}) {
    TokenBucket bucket;
    env::MonotonicTime now = kStart;
    double passed = 0;
    while (now < kStart + seconds(60)) {
      bucket.take(piece, 1000, now);
      passed += piece;
      now += bucket.delay(1000, now);
    }
    EXPECT_NEAR(passed, 60'000, 250 + piece) << piece;
  }
}

TEST(TokenBucket, AnotherRateHoldsAtOnce) {
  TokenBucket bucket;
  bucket.take(100'000, 1000, kStart);
  EXPECT_GT(bucket.delay(1000, kStart), seconds(90));
  EXPECT_LT(bucket.delay(1'000'000, kStart), milliseconds(101));
  EXPECT_EQ(bucket.delay(0, kStart), TokenBucket::kLongestDelay);
  EXPECT_GT(bucket.delay(1000, kStart - seconds(5)), seconds(90));  // a clock that stands
}

struct StoppedClock final : env::Clock {
  [[nodiscard]] env::MonotonicTime now() const override { return at; }
  [[nodiscard]] env::WallTimeMs wall_now_ms() const override { return 0; }
  env::MonotonicTime at = kStart;
};

TEST(ColdReadQuota, EachClientHasItsOwnShare) {
  StoppedClock clock;
  std::optional<std::int64_t> rate = 1000;
  ColdReadQuota quota(clock, [&] { return rate; });
  EXPECT_EQ(quota.answer_bytes(), 250U);
  EXPECT_EQ(quota.delay("one"), env::Duration());
  quota.record("one", 1250);
  EXPECT_EQ(quota.delay("one"), milliseconds(1001));
  EXPECT_EQ(quota.delay("two"), env::Duration());
  EXPECT_EQ(quota.held_back(), 1);
  clock.at += milliseconds(1001);
  EXPECT_EQ(quota.delay("one"), env::Duration());
  EXPECT_EQ(quota.held_back(), 0);
}

TEST(ColdReadQuota, WithoutALimitNobodyOwesAnything) {
  StoppedClock clock;
  std::optional<std::int64_t> rate = 1;
  ColdReadQuota quota(clock, [&] { return rate; });
  quota.record("one", 100'000);
  rate.reset();
  EXPECT_EQ(quota.delay("one"), env::Duration());
  EXPECT_EQ(quota.answer_bytes(), std::nullopt);
  rate = 1;
  EXPECT_EQ(quota.delay("one"), env::Duration());
  EXPECT_FALSE(ColdReadQuota(clock).is_limited());
}

TEST(ColdReadQuota, ForgetsClientsThatOweNothing) {
  StoppedClock clock;
  ColdReadQuota quota(clock, [] { return 1000; });
  for (int i = 0; i < 5000; ++i) {
    quota.record("client " + std::to_string(i), 300);
    clock.at += milliseconds(1);
  }
  EXPECT_LE(quota.held_back(), 51) << "those of the last 50 ms";
}

TEST(SampledRate, ForgetsWhatIsOld) {
  SampledRate rate;
  for (int i = 0; i < 11; ++i) rate.record(1100, kStart + seconds(i));
  EXPECT_DOUBLE_EQ(rate.rate(kStart + seconds(10)), 1100);
  EXPECT_DOUBLE_EQ(rate.rate(kStart + seconds(15)), 600);
  EXPECT_DOUBLE_EQ(rate.rate(kStart + seconds(1000)), 0);
}

TEST(ReplicationQuota, WithoutALimitItOnlyCounts) {
  ReplicationQuota quota([] { return ReplicationQuota::kUnlimited; });
  quota.record(1 << 30, kStart);
  EXPECT_FALSE(quota.is_limited());
  EXPECT_EQ(quota.delay(kStart), env::Duration());
  EXPECT_GT(quota.byte_rate(kStart), 0);
}

TEST(ReplicationQuota, FollowsItsConfig) {
  std::int64_t limit = 1000;
  ReplicationQuota quota([&limit] { return limit; });
  EXPECT_EQ(quota.allowance(kStart), 250U);
  quota.record(2250, kStart);
  EXPECT_EQ(quota.allowance(kStart), 1U);
  EXPECT_GT(quota.delay(kStart), seconds(1));
  limit = ReplicationQuota::kUnlimited;
  EXPECT_EQ(quota.delay(kStart), env::Duration());
}

TEST(ThrottledReplicas, AreListedOrAll) {
  EXPECT_EQ(ThrottledReplicas::parse({}), nullptr);
  EXPECT_EQ(ThrottledReplicas::parse({"", "x", "1:y"}), nullptr);
  const auto some = ThrottledReplicas::parse({"0:1", "2:7"});
  EXPECT_TRUE(some->contains(0, BrokerId(1)));
  EXPECT_TRUE(some->contains(2, BrokerId(7)));
  EXPECT_FALSE(some->contains(0, BrokerId(7)));
  EXPECT_TRUE(ThrottledReplicas::parse({"*"})->contains(5, BrokerId(5)));
}

}  // namespace
}  // namespace ottla::quota
