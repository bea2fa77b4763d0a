#include "broker/storage/offset_index.h"

#include <gtest/gtest.h>

#include "common/testing/simulated_file_system.h"

namespace ottla::storage {
namespace {

TEST(OffsetIndex, ALookUpThatMustNotBlockFindsTheSameOrNothing) {
  testing::SimulatedFileSystem files(1);
  ASSERT_TRUE(files.create_directories("/d"));
  constexpr Offset kBase(1'000);
  const SegmentPlace place("/d", kBase);
  OffsetIndex index(files, place);
  ASSERT_TRUE(index.file().activate(1 << 20));
  EXPECT_EQ((*index.cached_lookup(Offset(1'005)))->offset, kBase);
  constexpr int kEntries = 1'000;  // more than one read has
  for (int i = 1; i <= kEntries; ++i) {
    ASSERT_TRUE(index.append(kBase + 10 * i, static_cast<std::uint64_t>(i) * 4096));
  }
  for (std::int64_t target = 990; target < 1'000 + 10 * kEntries + 20; target += 7) {
    const auto waited = index.lookup(Offset(target));
    const auto cached = index.cached_lookup(Offset(target));
    ASSERT_TRUE(waited && cached && *cached);
    EXPECT_EQ((*cached)->offset, waited->offset) << target;
    EXPECT_EQ((*cached)->position, waited->position) << target;
    EXPECT_LE(waited->offset.value(), std::max<std::int64_t>(target, 1'000));
    EXPECT_GT(waited->offset.value() + 10, std::min<std::int64_t>(target, 1'000 + 10 * kEntries));
  }
  files.set_cached(false);
  const auto cold = index.cached_lookup(Offset(5'000));
  ASSERT_TRUE(cold);
  EXPECT_FALSE(*cold);
}

}  // namespace
}  // namespace ottla::storage
