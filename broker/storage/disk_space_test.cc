#include "broker/storage/disk_space.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "broker/storage/log_health.h"
#include "common/env/file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1 << 30;

TEST(DiskSpace, TheUsualLimitsAreSmallPartsOfSmallVolumes) {
  const SpaceThresholds large = thresholds({}, 1000 * kGiB);
  EXPECT_EQ(large.reserve, 32 * kMiB);
  EXPECT_EQ(large.low, 128 * kMiB);
  const SpaceThresholds small = thresholds({}, 100 * kMiB);
  EXPECT_EQ(small.reserve, kMiB);
  EXPECT_EQ(small.low, 2 * kMiB);
}

TEST(DiskSpace, TheLargerOfBytesAndPercentCounts) {
  EXPECT_EQ(thresholds({.min_free_bytes = kGiB, .min_free_percent = 5}, 100 * kGiB).low, 5 * kGiB);
  EXPECT_EQ(thresholds({.min_free_bytes = 9 * kGiB, .min_free_percent = 5}, 100 * kGiB).low,
            9 * kGiB);
  EXPECT_EQ(thresholds({.reserve_bytes = 0, .min_free_bytes = 0}, kGiB).low, 0U);
}

TEST(DiskSpace, FollowsTheTable) {
  using enum SpaceState;
  struct Row {
    SpaceState now;
    std::uint64_t usable_mib;
    bool has_reserve;
    bool was_refused;
    SpaceState next;
  };
  const SpaceThresholds limits{.reserve = 10 * kMiB, .low = 80 * kMiB};
  const Row rows[] = {
      {Enough, 500, true, false, Enough},
      {Enough, 80, true, false, Enough},
      {Enough, 79, true, false, Low},
      {Low, 85, true, false, Low},  // hysteresis
      {Low, 90, true, false, Enough},
      {Low, 1, true, false, Low},
      {Low, 0, true, false, Full},
      {Low, 0, true, true, Full},
      {Enough, 500, true, true, Full},  // a quota, inodes: whatever the volume says
      {Full, 10, false, false, Full},   // what the reserve gave is no room
      {Full, 11, false, false, Low},
      {Full, 95, false, false, Low},
      {Full, 100, false, false, Enough},
      {Enough, 5, false, false, Full},  // a start on a full disk
  };
  for (const Row& row : rows) {
    EXPECT_EQ(
        next_state(row.now, limits, {row.usable_mib * kMiB, row.has_reserve, row.was_refused}),
        row.next)
        << name_of(row.now) << " with " << row.usable_mib;
  }
}

TEST(DiskSpace, TheReserveIsMadeWhereThereIsRoomForIt) {
  const SpaceThresholds limits{.reserve = 10 * kMiB, .low = 80 * kMiB};
  EXPECT_TRUE(has_room_for_reserve(limits, {90 * kMiB, false, false}));
  EXPECT_FALSE(has_room_for_reserve(limits, {89 * kMiB, false, false}));
  EXPECT_FALSE(has_room_for_reserve(limits, {500 * kMiB, true, false}));
  EXPECT_FALSE(has_room_for_reserve({.reserve = 0, .low = 0}, {500 * kMiB, false, false}));
}

// Who waits for room on a disk that has failed since would wait for ever: the dir comes back with
// another health.
TEST(LogHealth, OfAFullDiskThatFailsNobodyWaitsForRoom) {
  ottla::testing::SimulatedWorld world(1);
  const auto executor = world.make_executor();
  LogHealth health("/d", *executor, nullptr, [] {});
  (void)health.report(env::io_error("cannot write", ENOSPC));
  const auto full = health.check_space(/*of_client=*/false);
  ASSERT_FALSE(full);
  EXPECT_EQ(env::io_error_kind(full.error()), env::IoErrorKind::DiskFull);
  (void)health.report(env::io_error("cannot write", EIO));
  const auto failed = health.check_space(/*of_client=*/false);
  ASSERT_FALSE(failed);
  EXPECT_NE(env::io_error_kind(failed.error()), env::IoErrorKind::DiskFull);
  EXPECT_EQ(failed.error().code(), ErrorCode::KafkaStorageError);
}

}  // namespace
}  // namespace ottla::storage
