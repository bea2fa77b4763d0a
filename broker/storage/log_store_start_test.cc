// What a start does with the logs that it finds: their order, its progress, copies in two log dirs.
#include <gmock/gmock.h>

#include <algorithm>

#include "broker/storage/file_names.h"
#include "broker/storage/log_store.h"
#include "broker/storage/recovery_order.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/intercepted_file_system.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const TopicId kTopicId(1, 2);
const TopicPartition kOffsets{"__consumer_offsets", 3};

TEST(RecoveryOrder, CoordinatorsFirstThenThoseWithTheMostToRead) {
  std::vector<LogToOpen> logs{{{"quiet", 0}, 0},   {{"busy", 1}, 700},
                              {{"busy", 0}, 900},  {kOffsets, 10},
                              {{"also", 0}, 0},    {{"__transaction_state", 7}, 20},
                              {{"middle", 0}, 100}};
  std::sort(logs.begin(), logs.end(), opens_before);
  std::vector<std::string> order;
  for (const LogToOpen& log : logs) order.push_back(log.partition.to_string());
  EXPECT_THAT(order, ElementsAre("__transaction_state-7", "__consumer_offsets-3", "busy-0",
                                 "busy-1", "middle-0", "also-0", "quiet-0"));
}

class StartTest : public ::testing::Test {
 protected:
  void open(std::vector<std::string> directories) {
    LogStoreOptions options;
    options.directories = std::move(directories);
    auto opened = LogStore::open(
        intercepted_, world_.clock(), world_.random(), *executor_, options,
        [this](const std::string& directory, const Error&) { went_offline_.push_back(directory); });
    ASSERT_TRUE(opened) << opened.error();
    store_ = *std::move(opened);
    ASSERT_TRUE(store_->set_identity(BrokerId(7), "cluster"));
    is_loaded_ = false;
    store_->load([this](const std::string&) { return config_; },
                 [&](const Result<std::vector<DirectoryLoad>>& result) {
                   EXPECT_TRUE(result) << result.error();
                   is_loaded_ = true;
                 });
  }
  void start(std::vector<std::string> directories) {
    open(std::move(directories));
    ASSERT_TRUE(world_.run_until_true([&] { return is_loaded_; }, seconds(10)));
    ASSERT_TRUE(store_->confirm_boot());
  }
  void drop() {
    executor_ = world_.make_executor();
    store_ = nullptr;
    executor_ = world_.make_executor();
  }
  void shut_down() {
    bool done = false;
    store_->shut_down([&] { done = true; });
    ASSERT_TRUE(world_.run_until_true([&] { return done; }, seconds(1)));
    drop();
  }
  void crash() {
    files_.crash_process();
    drop();
  }
  void append(const TopicPartition& partition, int records, LeaderEpoch epoch = LeaderEpoch(3)) {
    const auto log = store_->find_or_create(partition, kTopicId, config_).value();
    for (int i = 0; i < records; ++i) {
      record::RecordBatchBuilder builder({});
      builder.append(1, as_bytes("key"), as_bytes(std::string(100, 'v')));
      ASSERT_TRUE(log->append_as_leader(builder.build().value()->bytes(), epoch));
    }
  }
  void copy(const std::string& from, const std::string& to) {
    ASSERT_TRUE(files_.create_directories(to));
    for (const std::string& name : files_.names(from)) {
      ASSERT_TRUE(env::replace_file(files_, to + "/" + name, *files_.content(from + "/" + name)));
    }
  }
  /// A log with five records, and as it is now in another log dir.
  void stop_and_copy() {
    append({"t", 0}, 5);
    shut_down();
    copy("/a/t-0", "/b/t-0");
  }
  [[nodiscard]] std::vector<std::string> partitions_in(const std::string& directory) const {
    std::vector<std::string> found;
    for (const std::string& name : files_.names(directory)) {
      if (name.find("t-0") == std::string::npos) continue;
      found.push_back(name.ends_with("-stray") ? "stray" : name);
    }
    return found;
  }
  [[nodiscard]] std::int64_t end_of(const TopicPartition& partition) const {
    const auto log = store_->find(partition);
    return log ? log->log_end_offset().value() : -1;
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  /// Called when something is asked of the disk, with what.
  std::function<void(std::string_view operation)> on_disk_;
  testing::InterceptedFileSystem intercepted_{
      files_, [this](std::string_view operation, const std::string&) {
        if (on_disk_) on_disk_(operation);
      }};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  std::unique_ptr<LogStore> store_;
  bool is_loaded_ = false;
  std::vector<std::string> went_offline_;
};

// A topic of thousands of partitions must not cost thousands of waits for a disk.
TEST_F(StartTest, ALogIsMadeWithoutWaitingForTheDiskAndSafeOnceItIsFlushed) {
  start({"/a"});
  int syncs = 0;
  on_disk_ = [&](std::string_view operation) { syncs += operation.starts_with("sync") ? 1 : 0; };
  append({"t", 0}, 5);
  EXPECT_EQ(syncs, 0);
  ASSERT_TRUE(store_->find({"t", 0})->flush());
  EXPECT_GT(syncs, 0);
  on_disk_ = nullptr;
  files_.crash_host();
  drop();
  start({"/a"});
  EXPECT_EQ(end_of({"t", 0}), 5);
  EXPECT_EQ(store_->topic_id({"t", 0}), kTopicId);
}

// What was never flushed may be gone, as a whole or in part: the log is made again, and serves.
TEST_F(StartTest, ACrashOfTheHostRightAfterALogWasMade) {
  int survivors = 0;
  for (int i = 0; i < 20; ++i) {
    start({"/a"});
    const TopicPartition made{"made", i};
    append(made, 5);
    files_.crash_host();
    drop();
    start({"/a"});
    EXPECT_THAT(went_offline_, IsEmpty());
    survivors += end_of(made) >= 0 ? 1 : 0;
    append(made, 1);
    EXPECT_EQ(store_->topic_id(made), kTopicId) << i;
    EXPECT_GE(end_of(made), 1) << i;
    shut_down();
  }
  EXPECT_GT(survivors, 0);
  EXPECT_LT(survivors, 20);
}

TEST_F(StartTest, TellsHowFarItIs) {
  config_->segment_bytes = 1000;
  start({"/a"});
  append({"busy", 0}, 30);
  append({"quiet", 0}, 1);
  append(kOffsets, 2);
  crash();
  open({"/a"});
  std::vector<TopicPartition> opened;
  std::vector<std::size_t> logs_left;
  std::size_t most_segments = 0;
  while (!is_loaded_ && world_.step()) {
    for (const TopicPartition& each : {TopicPartition{"busy", 0}, {"quiet", 0}, kOffsets}) {
      if (!store_->find(each)) continue;
      if (std::find(opened.begin(), opened.end(), each) == opened.end()) opened.push_back(each);
    }
    for (const LoadProgress& progress : store_->loading()) {
      EXPECT_EQ(progress.directory, "/a");
      EXPECT_EQ(progress.logs, 3U);
      EXPECT_EQ(progress.bytes_left == 0, progress.logs_left == 0 || progress.bytes == 0);
      if (logs_left.empty() || logs_left.back() != progress.logs_left) {
        logs_left.push_back(progress.logs_left);
      }
      most_segments = std::max(most_segments, progress.segments_left.at(0));
    }
  }
  EXPECT_THAT(opened, ElementsAre(kOffsets, TopicPartition{"busy", 0}, TopicPartition{"quiet", 0}));
  EXPECT_THAT(logs_left, ElementsAre(3U, 2U, 1U, 0U));
  EXPECT_EQ(most_segments, 0U) << "between two tasks no log is open in part";
  EXPECT_THAT(store_->loading(), IsEmpty());
}

TEST_F(StartTest, OneLogTellsItsSegments) {
  config_->segment_bytes = 1000;
  start({"/a"});
  append({"t", 0}, 30);
  const std::size_t segments = store_->find({"t", 0})->segment_count();
  ASSERT_GT(segments, 3U);
  crash();
  std::vector<std::size_t> left;
  std::vector<std::uint64_t> bytes_left;
  open({"/a"});
  on_disk_ = [&](std::string_view) {
    for (const LoadProgress& progress : store_->loading()) {
      const std::size_t now = progress.segments_left.at(0);
      if (now > 0 && (left.empty() || left.back() != now)) left.push_back(now);
      if (progress.bytes > 0 && (bytes_left.empty() || bytes_left.back() != progress.bytes_left)) {
        bytes_left.push_back(progress.bytes_left);
      }
    }
  };
  ASSERT_TRUE(world_.run_until_true([&] { return is_loaded_; }, seconds(10)));
  on_disk_ = nullptr;
  ASSERT_EQ(left.size(), segments);
  EXPECT_EQ(left.front(), segments);
  EXPECT_EQ(left.back(), 1U);
  EXPECT_TRUE(std::is_sorted(bytes_left.rbegin(), bytes_left.rend()));
  EXPECT_GE(bytes_left.size(), segments);
}

TEST_F(StartTest, ALeftoverInAnotherLogDirIsPutAside) {
  start({"/a"});
  append({"other", 0}, 1);
  stop_and_copy();
  start({"/a"});
  append({"t", 0}, 2);
  shut_down();
  start({"/a", "/b"});
  EXPECT_THAT(went_offline_, IsEmpty());
  EXPECT_EQ(end_of({"t", 0}), 7);
  EXPECT_EQ(store_->directory_of({"t", 0}), "/a");
  EXPECT_EQ(end_of({"other", 0}), 1);
  EXPECT_THAT(partitions_in("/a"), ElementsAre("t-0"));
  EXPECT_THAT(partitions_in("/b"), ElementsAre("stray"));
  EXPECT_EQ(store_->checkpointed_high_watermark({"t", 0}), std::nullopt);
  shut_down();
  start({"/a", "/b"});  // and that settled it
  EXPECT_EQ(end_of({"t", 0}), 7);
}

TEST_F(StartTest, TheLongerCopyCountsWhereverItIs) {
  start({"/a"});
  stop_and_copy();
  start({"/b"});
  append({"t", 0}, 2, LeaderEpoch(4));
  shut_down();
  start({"/a", "/b"});
  EXPECT_EQ(end_of({"t", 0}), 7);
  EXPECT_EQ(store_->directory_of({"t", 0}), "/b");
  EXPECT_THAT(partitions_in("/a"), ElementsAre("stray"));
}

TEST_F(StartTest, OfTwoEqualCopiesOneGoes) {
  start({"/a"});
  stop_and_copy();
  start({"/a", "/b"});
  EXPECT_EQ(end_of({"t", 0}), 5);
  EXPECT_EQ(store_->directory_of({"t", 0}), "/a");
  EXPECT_THAT(partitions_in("/b"), ElementsAre("stray"));
}

// The topic was deleted and made anew while the log dir was away, after a crash of the host that
// took partition.metadata: by offsets and epochs the old one's log may look like the better copy.
TEST_F(StartTest, ACopyWithoutATopicIdGoesHoweverLongItIs) {
  start({"/a"});
  stop_and_copy();
  start({"/b"});
  append({"t", 0}, 2);
  shut_down();
  ASSERT_TRUE(files_.remove_all("/b/t-0/partition.metadata"));
  start({"/a", "/b"});
  EXPECT_EQ(end_of({"t", 0}), 5);
  EXPECT_EQ(store_->directory_of({"t", 0}), "/a");
  EXPECT_THAT(partitions_in("/b"), ElementsAre("stray"));
}

TEST_F(StartTest, CopiesOfWhichEachHasSomethingOfItsOwnAreForAHuman) {
  start({"/a"});
  append({"other", 0}, 1);
  stop_and_copy();
  start({"/a"});
  append({"t", 0}, 2, LeaderEpoch(4));
  shut_down();
  start({"/b"});
  append({"t", 0}, 3, LeaderEpoch(5));
  shut_down();
  for (int starts = 0; starts < 2; ++starts) {
    start({"/a", "/b"});
    EXPECT_THAT(went_offline_, IsEmpty());
    EXPECT_EQ(store_->find({"t", 0}), nullptr);
    EXPECT_TRUE(store_->is_set_apart({"t", 0}));
    EXPECT_EQ(end_of({"other", 0}), 1) << "all others are served";
    EXPECT_THAT(partitions_in("/a"), ElementsAre("t-0"));
    EXPECT_THAT(partitions_in("/b"), ElementsAre("t-0"));
    shut_down();
  }
  ASSERT_TRUE(files_.remove_all("/a/t-0"));
  start({"/a", "/b"});
  EXPECT_EQ(end_of({"t", 0}), 8);
}

}  // namespace
}  // namespace ottla::storage
