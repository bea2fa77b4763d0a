#include "broker/storage/log_cleaner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/storage/log_cleaner_for_tests.h"
#include "common/metrics/log_metrics.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(LogCleanerTest, CompactsEachDirtyLogOnce) {
  const auto one = make_log("one", 40);
  const auto two = make_log("two", 20);
  const std::uint64_t before = one->size_bytes();
  LogCleaner cleaner({.backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(seconds(5));
  EXPECT_EQ(cleaner.finished(), 2U);
  EXPECT_LT(one->size_bytes(), before / 2);
  EXPECT_EQ(one->log_end_offset(), Offset(40));
  EXPECT_EQ(store_->cleaner_point({"one", 0}), one->all_segments().back()->base_offset());
  EXPECT_TRUE(files_.exists("/a/cleaner-offset-checkpoint").value());
  EXPECT_GT(shown(metrics::kCleanerRecopyPercent), 1);
  EXPECT_LT(shown(metrics::kCleanerRecopyPercent), 50);
  EXPECT_GT(shown(metrics::kCleanerMaxBufferUtilization), 0);
  EXPECT_GT(shown(metrics::kCleanerIo), static_cast<double>(before));
  EXPECT_LE(shown(metrics::kCleanerTimeSinceLastRunMs), 101);
  EXPECT_EQ(shown(metrics::kUncleanablePartitionsCount), 0);
  // Another log of the name begins anew.
  ASSERT_TRUE(store_->remove({"two", 0}, milliseconds(0)));
  EXPECT_EQ(store_->cleaner_point({"two", 0}), std::nullopt);
  (void)make_log("two", 0);
  EXPECT_EQ(store_->cleaner_point({"two", 0}), std::nullopt);
  cleaner.stop();
}

TEST_F(LogCleanerTest, TakesTheDirtiestLogFirst) {
  config_->min_cleanable_ratio = 0.01;
  const auto one = make_log("one", 60);
  const auto two = make_log("two", 60);
  LogCleaner first({.backoff = milliseconds(100)}, world());
  first.start();
  world_.run_for(seconds(5));
  ASSERT_EQ(first.finished(), 2U);
  first.stop();
  for (int i = 0; i < 10; ++i) append(*one, i % 3);
  for (int i = 0; i < 60; ++i) append(*two, i % 3);
  LogCleaner cleaner({.max_bytes_per_second = 1000, .backoff = milliseconds(100)}, world());
  cleaner.start();
  for (int i = 0; i < 600 && cleaner.finished() == 0; ++i) world_.run_for(milliseconds(500));
  ASSERT_EQ(cleaner.finished(), 1U);
  EXPECT_EQ(store_->cleaner_point({"two", 0}), two->all_segments().back()->base_offset());
  EXPECT_LT(store_->cleaner_point({"one", 0}), one->all_segments().back()->base_offset());
  cleaner.stop();
}

TEST_F(LogCleanerTest, KeepsToItsRate) {
  const auto log = make_log("slow", 40);
  LogCleaner cleaner({.max_bytes_per_second = 1000, .backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(seconds(2));
  EXPECT_EQ(cleaner.finished(), 0U);
  world_.run_for(seconds(60));
  EXPECT_EQ(cleaner.finished(), 1U);
  cleaner.stop();
}

TEST_F(LogCleanerTest, ShowsHowLateItIs) {
  config_->max_compaction_lag_ms = 1000;
  config_->min_cleanable_ratio = 1;
  (void)make_log("late", 40);
  LogCleaner cleaner({.max_bytes_per_second = 1000, .backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(milliseconds(150));
  const double since_the_first_record = static_cast<double>(world_.clock().wall_now_ms()) / 1000;
  EXPECT_NEAR(shown(metrics::kCleanerMaxCompactionDelaySecs), since_the_first_record - 2, 1);
  EXPECT_EQ(shown(metrics::kCleanerMaxDirtyPercent), 100);
  world_.run_for(seconds(60));
  EXPECT_EQ(cleaner.finished(), 1U);
  EXPECT_EQ(shown(metrics::kCleanerMaxCompactionDelaySecs), 0);
}

TEST_F(LogCleanerTest, LeavesAFullDirAloneUntilThereIsRoomForAGroup) {
  const auto log = make_log("log", 40);
  files_.set_free_bytes(0);
  record::RecordBatchBuilder builder({});
  builder.append(1, as_bytes("k"), as_bytes("v"));
  (void)log->append_as_leader(builder.build().value()->bytes(), LeaderEpoch(0));  // finds it full
  world_.run_for(seconds(2));
  ASSERT_FALSE(store_->has_room_for({"log", 0}, 1000));
  LogCleaner cleaner({.backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(seconds(120));
  EXPECT_EQ(cleaner.finished(), 0U);
  EXPECT_TRUE(cleaner.uncleanable().empty()) << "nothing is wrong with the log";
  // Still too little for records, but compaction may be what makes room.
  files_.set_free_bytes(8000);
  world_.run_for(seconds(5));
  EXPECT_EQ(cleaner.finished(), 1U);
  cleaner.stop();
}

TEST_F(LogCleanerTest, AnotherRateHoldsAtOnce) {
  (void)make_log("slow", 40);
  LogCleanerOptions options{.max_bytes_per_second = 1, .backoff = milliseconds(100)};
  LogCleaner cleaner(options, world());
  options.max_bytes_per_second = 1000;
  cleaner.start();
  cleaner.reconfigure(options);
  world_.run_for(seconds(60));
  EXPECT_EQ(cleaner.finished(), 1U);
}

TEST_F(LogCleanerTest, GoesOnWithOtherThreadsAndBuffers) {
  (void)make_log("slow", 40);
  LogCleanerOptions options{.max_bytes_per_second = 100, .backoff = milliseconds(100)};
  LogCleaner cleaner(options, world());
  cleaner.start();
  world_.run_for(seconds(1));
  EXPECT_EQ(threads_, 1U);
  EXPECT_EQ(cleaner.finished(), 0U);
  // The run under way is given up; its log is chosen again.
  options = {.threads = 3,
             .dedupe_bytes = 3000,
             .io_buffer_bytes = 0,
             .max_bytes_per_second = 0,
             .backoff = milliseconds(50)};
  cleaner.reconfigure(options);
  EXPECT_EQ(threads_, 3U);
  world_.run_for(seconds(1));
  EXPECT_EQ(cleaner.finished(), 1U);
  // None: nothing is cleaned until there are some again.
  options.threads = 0;
  cleaner.reconfigure(options);
  (void)make_log("later", 40);
  world_.run_for(seconds(5));
  EXPECT_EQ(cleaner.finished(), 1U);
  options.threads = 1;
  cleaner.reconfigure(options);
  world_.run_for(seconds(5));
  EXPECT_EQ(cleaner.finished(), 2U);
  cleaner.stop();
  cleaner.reconfigure({.threads = 2});
  EXPECT_EQ(threads_, 1U);
}

}  // namespace
}  // namespace ottla::storage
