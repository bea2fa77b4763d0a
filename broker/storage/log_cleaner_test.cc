#include "broker/storage/log_cleaner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/metrics/log_metrics.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LogCleanerTest : public ::testing::Test {
 protected:
  LogCleanerTest() {
    config_->segment_bytes = 1000;
    config_->cleanup_compact = true;
    config_->cleanup_delete = false;
    LogStoreOptions options;
    options.directories = {"/a"};
    store_ = LogStore::open(files_, world_.clock(), world_.random(), *executor_, options, nullptr)
                 .value();
    EXPECT_TRUE(store_->set_identity(BrokerId(1), "cluster"));
    bool loaded = false;
    store_->load(
        [this](const std::string&) { return config_; },
        [&](const Result<std::vector<DirectoryLoad>>& outcome) { loaded = outcome.has_value(); });
    world_.run_for(seconds(1));
    EXPECT_TRUE(loaded);
    store_->start([this](const TopicPartition& partition) -> std::optional<Offset> {
      const auto log = store_->find(partition);
      return log ? std::optional(log->log_end_offset()) : std::nullopt;
    });
  }

  std::shared_ptr<Log> make_log(const std::string& topic, int batches) {
    auto log = store_->find_or_create({topic, 0}, TopicId(1, 2), config_).value();
    for (int i = 0; i < batches; ++i) {
      record::RecordBatchBuilder builder({});
      builder.append(1000 + i, as_bytes("k" + std::to_string(i % 3)),
                     as_bytes(std::string(100, 'v')));
      EXPECT_TRUE(log->append_as_leader(builder.build().value()->bytes(), LeaderEpoch(0)));
    }
    return log;
  }

  LogCleaner::Dependencies world() {
    return {.files = files_,
            .clock = world_.clock(),
            .random = world_.random(),
            .make_executor =
                [this](std::size_t threads) {
                  threads_ = threads;
                  return world_.make_executor();
                },
            .logs = *store_,
            .metrics = &registry_};
  }

  /// The sum over all series of the metric.
  double shown(const metrics::Metric& metric) const {
    double sum = 0;
    for (const auto& sample : registry_.samples()) {
      if (*sample.metric == metric) sum += sample.value;
    }
    return sum;
  }

  std::size_t threads_ = 0;
  metrics::Registry registry_;
  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  std::unique_ptr<LogStore> store_;
};

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

TEST_F(LogCleanerTest, ADamagedLogIsShownAndTheOthersGoOn) {
  const auto bad = make_log("bad", 40);
  const auto good = make_log("good", 20);
  const auto file = files_.open("/a/bad-0/00000000000000000000.log", env::OpenMode::ReadWrite);
  const std::array<std::byte, 1> noise{std::byte{0x55}};
  const ByteView piece = noise;
  ASSERT_TRUE((*file)->write_at(std::span(&piece, 1), 300));
  LogCleaner cleaner({.backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(seconds(5));
  EXPECT_EQ(cleaner.finished(), 1U);
  ASSERT_THAT(cleaner.uncleanable(), SizeIs(1));
  EXPECT_EQ(cleaner.uncleanable()[0].partition, (TopicPartition{"bad", 0}));
  EXPECT_EQ(cleaner.uncleanable()[0].directory, "/a");
  EXPECT_THAT(store_->offline_directories(), IsEmpty());
  EXPECT_EQ(shown(metrics::kUncleanablePartitionsCount), 1);
  EXPECT_GT(shown(metrics::kUncleanableBytes), 3000);
  EXPECT_LT(shown(metrics::kUncleanableBytes), static_cast<double>(bad->size_bytes()));
  EXPECT_LT(good->size_bytes(), 1500U);
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

TEST_F(LogCleanerTest, ADamagedHeaderSetsALogApartToo) {
  config_->max_compaction_lag_ms = 1000;
  (void)make_log("bad", 40);
  const auto file = files_.open("/a/bad-0/00000000000000000000.log", env::OpenMode::ReadWrite);
  const std::array<std::byte, 1> noise{std::byte{0x55}};
  const ByteView magic = noise;
  ASSERT_TRUE((*file)->write_at(std::span(&magic, 1), 16));
  LogCleaner cleaner({.backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(seconds(1));
  EXPECT_THAT(cleaner.uncleanable(), SizeIs(1));
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
