#include <gtest/gtest.h>

#include "broker/storage/cut_records.h"
#include "broker/storage/file_names.h"
#include "broker/storage/log_store.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

// What lies in a log dir and is served to nobody: strays (W21), and what unclean elections cut
// (W6).

namespace ottla::storage {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kMaxBytes = 1000;
constexpr LeaderEpoch kNewEpoch{7};

class Leftovers : public ::testing::Test {
 protected:
  void start() {
    LogStoreOptions options;
    options.directories = {"/a"};
    options.cut_records_max_bytes = kMaxBytes;
    options.recovery_checkpoint_interval = options.log_start_checkpoint_interval =
        options.high_watermark_checkpoint_interval = hours(1);
    auto opened = LogStore::open(files_, world_.clock(), world_.random(), *executor_, options,
                                 [](const std::string&, const Error&) {});
    ASSERT_TRUE(opened) << opened.error();
    store_ = *std::move(opened);
    ASSERT_TRUE(store_->set_identity(BrokerId(7), "cluster"));
    store_->load([this](const std::string&) { return config_; },
                 [](const Result<std::vector<DirectoryLoad>>& loaded) { ASSERT_TRUE(loaded); });
    world_.run_for(seconds(1));
    store_->start([](const TopicPartition&) { return Offset(0); });
  }
  void crash_process() {
    files_.crash_process();
    drop();
  }
  void crash_host() {
    files_.crash_host();
    drop();
  }
  void drop() {
    executor_ = world_.make_executor();
    store_ = nullptr;
    executor_ = world_.make_executor();
  }

  std::shared_ptr<Log> make_log(const std::string& topic, int batches) {
    const auto log = store_->find_or_create({topic, 0}, TopicId(1, 2), config_).value();
    for (int i = 0; i < batches; ++i) {
      record::RecordBatchBuilder builder({});
      builder.append(world_.clock().wall_now_ms(), as_bytes("key"), as_bytes(std::to_string(i)));
      const SharedBuffer batch = builder.build().value();
      EXPECT_TRUE(log->append_as_leader(batch->bytes(), LeaderEpoch(3)));
    }
    return log;
  }

  /// Names in the log dir that end so.
  std::vector<std::string> names(std::string_view suffix) {
    std::vector<std::string> found = files_.names("/a");
    std::erase_if(found, [&](const std::string& name) { return !name.ends_with(suffix); });
    return found;
  }
  /// What a segment's file has, from the byte where a record begins.
  std::string segment(const std::string& topic) {
    return files_.content("/a/" + topic + "-0/00000000000000000000.log").value();
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  std::unique_ptr<LogStore> store_;
};

TEST(CutFileName, TellsWhereItBegins) {
  const std::string name = cut_file_name({"a.e9-7.b", 3}, Offset(42), Offset(50), kNewEpoch);
  EXPECT_EQ(name, "ottla-cut.a.e9-7.b-3.42-50.e7.cut");
  EXPECT_EQ(parse_cut_file_name(name), Offset(42));
  EXPECT_TRUE(is_cut_file(name));
  const std::string longest =
      cut_file_name({std::string(249, 't'), 3}, Offset(42), Offset(50), kNewEpoch);
  EXPECT_LE(longest.size() + 4, 255U);
  EXPECT_EQ(parse_cut_file_name(longest), Offset(42));
  EXPECT_FALSE(parse_cut_file_name("00000000000000000042.log"));
  EXPECT_FALSE(is_cut_file("meta.properties"));
}

TEST_F(Leftovers, W6WhatIsCutIsKeptAsASegmentHasIt) {
  start();
  const auto log = make_log("t", 6);
  const std::string all = segment("t");
  const auto kept = log->keep_aside(Offset(4), kNewEpoch);
  ASSERT_TRUE(kept) << kept.error();
  EXPECT_EQ(kept->records, 2U);
  EXPECT_EQ(kept->to, Offset(6));
  ASSERT_TRUE(log->truncate_to(Offset(4)));
  EXPECT_EQ(segment("t") + files_.content(kept->path).value(), all);
  EXPECT_EQ(names(".cut"), std::vector<std::string>{"ottla-cut.t-0.4-6.e7.cut"});
  // Of nothing there is none.
  EXPECT_EQ(log->keep_aside(Offset(4), kNewEpoch)->path, "");
}

TEST_F(Leftovers, W6ASideFileIsWholeOrNotThereAfterACrashAnywhere) {
  start();
  ASSERT_TRUE(make_log("t", 6)->flush());
  ASSERT_TRUE(files_.sync_directory("/a"));
  const std::string whole = segment("t").substr(segment("t").size() / 6 * 2);
  int kept = 0;
  int missing = 0;
  for (std::uint64_t operations = 0; operations < 12; ++operations) {
    const std::string path = "/a/" + cut_file_name({"t", 0}, Offset(2), Offset(6), kNewEpoch);
    files_.stop_after(operations);
    const auto done = store_->find({"t", 0})->keep_aside(Offset(2), kNewEpoch);
    crash_host();
    const auto content = files_.content(path);
    if (content) {
      EXPECT_EQ(*content, whole);
      ASSERT_TRUE(files_.remove(path));
      ASSERT_TRUE(files_.sync_directory("/a"));
    }
    EXPECT_TRUE(content || !done) << "said to be durable";
    (content ? kept : missing) += 1;
    start();
    ASSERT_EQ(store_->find({"t", 0})->log_end_offset(), Offset(6));
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(missing, 0);
}

TEST_F(Leftovers, W6TheOldestSideFilesMakeRoom) {
  start();
  const auto log = make_log("t", 30);
  std::uint64_t sum = 0;
  for (int from = 29; from >= 10; --from) {
    const auto kept = log->keep_aside(Offset(from), kNewEpoch);
    ASSERT_TRUE(kept) << kept.error();
    ASSERT_TRUE(log->truncate_to(Offset(from)));
    world_.run_for(seconds(1));
  }
  const std::vector<std::string> left = names(".cut");
  for (const std::string& name : left) sum += files_.content("/a/" + name)->size();
  EXPECT_LE(sum, kMaxBytes);
  EXPECT_GT(sum, kMaxBytes / 2);
  EXPECT_EQ(left.front(), "ottla-cut.t-0.10-11.e7.cut") << "the newest is kept";
  // Of one that alone is too long the beginning is kept.
  const auto kept = make_log("u", 30)->keep_aside(Offset(0), kNewEpoch);
  ASSERT_TRUE(kept) << kept.error();
  EXPECT_EQ(kept->from, Offset(0));
  EXPECT_GT(kept->to, Offset(5));
  EXPECT_LT(kept->to, Offset(30));
  EXPECT_LE(kept->bytes, kMaxBytes);
}

TEST_F(Leftovers, W6TheyAreTheFirstToGoFromAFullDisk) {
  start();
  const auto log = make_log("t", 6);
  ASSERT_TRUE(log->keep_aside(Offset(4), kNewEpoch));
  files_.set_free_bytes(100'000);  // of a TiB
  store_->expire_leftovers();
  EXPECT_TRUE(names(".cut").empty());
  EXPECT_FALSE(log->keep_aside(Offset(4), kNewEpoch)) << "no room for it";
  EXPECT_TRUE(names(".cut").empty());
  EXPECT_TRUE(names(".tmp").empty());
  EXPECT_TRUE(store_->offline_directories().empty());
}

TEST_F(Leftovers, W6SideFilesExpire) {
  start();
  ASSERT_TRUE(make_log("t", 6)->keep_aside(Offset(4), kNewEpoch));
  world_.run_for(hours(7 * 24) - minutes(10));
  EXPECT_EQ(names(".cut").size(), 1U);
  world_.run_for(minutes(20));
  EXPECT_TRUE(names(".cut").empty());
}

TEST_F(Leftovers, W21StraysAreRemovedInTheirTimeAcrossRestarts) {
  start();
  (void)make_log("t", 6);
  ASSERT_TRUE(store_->mark_stray({"t", 0}));
  ASSERT_EQ(names("-stray").size(), 1U);
  for (int day = 0; day < 6; ++day) {
    world_.run_for(hours(24));
    crash_process();
    start();
    EXPECT_EQ(names("-stray").size(), 1U) << day;
  }
  world_.run_for(hours(24) + minutes(10));
  EXPECT_TRUE(names("-stray").empty());
  EXPECT_TRUE(names("-delete").empty());
}

/// One that Kafka left, or whose note a crash took: counted from when it was first seen.
TEST_F(Leftovers, W21AStrayWithoutADateIsDatedFirst) {
  start();
  (void)make_log("t", 6);
  ASSERT_TRUE(store_->mark_stray({"t", 0}));
  world_.run_for(hours(6 * 24));
  ASSERT_TRUE(files_.remove("/a/" + names("-stray").front() + "/" + std::string(kPutAsideFile)));
  world_.run_for(hours(6 * 24));
  EXPECT_EQ(names("-stray").size(), 1U);
  world_.run_for(hours(25));
  EXPECT_TRUE(names("-stray").empty());
}

}  // namespace
}  // namespace ottla::storage
