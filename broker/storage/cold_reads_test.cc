#include "broker/storage/cold_reads.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kPage = 4 * kKiB;
constexpr std::uint64_t kStep = 256 * kKiB;

/// A file of which only the page cache is of interest.
class PagedFile final : public env::File {
 public:
  explicit PagedFile(std::uint64_t size) : size_(size) {}

  void make_hot(std::uint64_t position, std::uint64_t length) const {
    for (std::uint64_t page = position / kPage; page * kPage < position + length; ++page) {
      pages_.insert(page);
    }
  }
  [[nodiscard]] std::uint64_t cached_bytes() const { return pages_.size() * kPage; }

  Result<std::size_t> read_at(MutableByteView into, std::uint64_t position) const override {
    const std::uint64_t length =
        position >= size_ ? 0 : std::min<std::uint64_t>(into.size(), size_ - position);
    make_hot(position, length);
    return static_cast<std::size_t>(length);
  }
  void drop_cache(std::uint64_t position, std::uint64_t length) override {
    // As the kernel does: only whole pages.
    for (std::uint64_t page = (position + kPage - 1) / kPage;
         (page + 1) * kPage <= position + length; ++page) {
      pages_.erase(page);
    }
  }
  [[nodiscard]] bool is_cached(std::uint64_t position, std::uint64_t length) const override {
    for (std::uint64_t page = position / kPage; page * kPage < position + length; ++page) {
      if (!pages_.contains(page)) return false;
    }
    return true;
  }
  Result<> write_at(std::span<const ByteView>, std::uint64_t) override { return {}; }
  Result<> truncate(std::uint64_t) override { return {}; }
  Result<> allocate(std::uint64_t) override { return {}; }
  Result<> sync() override { return {}; }
  void start_writeback(std::uint64_t, std::uint64_t) override {}
  void start_reading(std::uint64_t, std::uint64_t) const override {}
  [[nodiscard]] Result<std::uint64_t> size() const override { return size_; }
  [[nodiscard]] int descriptor() const override { return -1; }

 private:
  std::uint64_t size_;
  mutable std::set<std::uint64_t> pages_;
};

struct ColdReadsTest : ::testing::Test {
  std::shared_ptr<PagedFile> file(std::uint64_t size) { return std::make_shared<PagedFile>(size); }
  /// Reads the slice as a fetch does.
  void read_all(FileSlice slice) {
    while (slice.length > 0) {
      const std::uint64_t done = reads->bring(slice);
      ASSERT_GT(done, 0U);
      slice.position += done;
      slice.length -= done;
    }
  }
  void run() { world.run_for(std::chrono::seconds(1)); }

  testing::SimulatedWorld world{1};
  std::unique_ptr<env::Executor> io = world.make_executor();
  ColdReads::Limits limits{.steps_at_once = 1,
                           .step_bytes = kStep,
                           .cached_bytes = 4 * kStep,
                           .ahead_bytes = 2 * kStep,
                           .ahead_of_one_bytes = kStep};
  std::shared_ptr<ColdReads> reads = std::make_shared<ColdReads>(*io, limits);
};

TEST_F(ColdReadsTest, LetsGoOfWhatItBrought) {
  const auto old = file(100 * kStep);
  // Odd borders: the pages that two reads share go too.
  read_all({old, 1000, 50 * kStep});
  EXPECT_LE(old->cached_bytes(), limits.cached_bytes + 2 * kPage);
  EXPECT_GE(reads->bytes_dropped(), static_cast<std::int64_t>(46 * kStep));
}

TEST_F(ColdReadsTest, NeverTouchesWhatWasCachedBefore) {
  const auto log = file(100 * kStep);
  log->make_hot(20 * kStep, 30 * kStep);
  read_all({log, 0, 100 * kStep});
  EXPECT_TRUE(log->is_cached(20 * kStep, 30 * kStep));
  EXPECT_LE(log->cached_bytes(), 30 * kStep + limits.cached_bytes);
}

TEST_F(ColdReadsTest, AFileThatWasDeletedIsNotHeld) {
  auto old = file(10 * kStep);
  read_all({old, 0, kStep});
  const std::weak_ptr<PagedFile> gone = old;
  old.reset();
  EXPECT_TRUE(gone.expired());
  const auto next = file(10 * kStep);
  read_all({next, 0, 10 * kStep});
  EXPECT_LE(next->cached_bytes(), limits.cached_bytes);
}

TEST_F(ColdReadsTest, ReadersTakeTurns) {
  std::vector<std::string> turns;
  const auto work = [&](std::string who, int steps) {
    reads->post(who, [&turns, who, steps]() mutable {
      turns.push_back(who);
      return --steps > 0;
    });
  };
  work("backfill", 4);
  work("backfill", 2);  // more work gives no more turns
  work("laggard", 1);
  work("other", 2);
  run();
  EXPECT_THAT(turns, ElementsAre("backfill", "laggard", "other", "backfill", "other", "backfill",
                                 "backfill", "backfill", "backfill"));
  EXPECT_EQ(reads->readers_waiting(), 0);
}

TEST_F(ColdReadsTest, ReadsAheadOfOneWhoGoesOn) {
  const auto old = file(100 * kStep);
  const FileSlice first{old, 0, kStep};
  read_all(first);
  reads->read_ahead("reader", first);
  run();
  const FileSlice second{old, kStep, kStep};
  EXPECT_TRUE(second.is_cached());
  EXPECT_FALSE((FileSlice{old, 2 * kStep, 1}).is_cached());
  EXPECT_TRUE(reads->take_ahead(second));
  EXPECT_FALSE(reads->take_ahead(second)) << "it is taken once";
}

TEST_F(ColdReadsTest, ReadAheadHasABudgetThatAllShare) {
  std::vector<std::shared_ptr<PagedFile>> files;
  for (int i = 0; i < 5; ++i) {
    files.push_back(file(10 * kStep));
    reads->read_ahead("reader " + std::to_string(i), {files.back(), 0, kStep});
    run();
  }
  std::uint64_t ahead = 0;
  for (const auto& each : files) ahead += each->cached_bytes();
  EXPECT_EQ(ahead, limits.ahead_bytes);
  // What nobody takes is let go of like the rest, and its budget is free again.
  read_all({file(10 * kStep), 0, 5 * kStep});
  reads->read_ahead("late", {files[4], 0, kStep});
  run();
  EXPECT_GT(files[4]->cached_bytes(), 0U);
}

TEST_F(ColdReadsTest, WhatIsCachedIsNotReadAhead) {
  const auto log = file(10 * kStep);
  log->make_hot(kStep, 9 * kStep);
  reads->read_ahead("reader", {log, 0, kStep});
  run();
  EXPECT_EQ(reads->bytes_read(), 0);
  EXPECT_FALSE(reads->take_ahead({log, kStep, kStep}));
}

TEST_F(ColdReadsTest, AStopDropsWhatWaits) {
  bool ran = false;
  reads->post("reader", [&] { return ran = true; });
  reads->stop();
  reads->post("reader", [&] { return ran = true; });
  run();
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace ottla::storage
