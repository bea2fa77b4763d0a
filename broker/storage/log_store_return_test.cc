// Log dirs that are full, or fail and come back.
#include <gtest/gtest.h>

#include <cerrno>

#include "broker/storage/file_names.h"
#include "broker/storage/log_store.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const TopicId kTopicId(1, 2);
constexpr std::uint64_t kKiB = 1024;

class LogStoreReturnTest : public ::testing::Test {
 protected:
  void start(std::vector<std::string> directories = {"/a", "/b"}) {
    LogStoreOptions options;
    options.directories = std::move(directories);
    options.space_limits = [this] { return limits_; };
    options.probe_interval = seconds(5);
    auto opened = LogStore::open(
        files_, world_.clock(), world_.random(), *executor_, options,
        [this](const std::string& directory, const Error&) { went_offline_.push_back(directory); });
    ASSERT_TRUE(opened) << opened.error();
    store_ = *std::move(opened);
    ASSERT_TRUE(store_->set_identity(BrokerId(7), "cluster"));
    bool loaded = false;
    store_->load([this](const std::string&) { return config_; },
                 [&](const Result<std::vector<DirectoryLoad>>& result) { loaded = bool(result); });
    world_.run_for(milliseconds(100));
    ASSERT_TRUE(loaded);
    store_->start(
        [this](const TopicPartition& partition) -> std::optional<Offset> {
          const auto log = store_->find(partition);
          return log ? std::optional(log->log_end_offset()) : std::nullopt;
        },
        [this](const std::string& directory, Callback<> take_in) {
          returned_.push_back(directory);
          if (takes_in_) std::move(take_in)();
        });
  }

  /// As the end of the process does.
  void drop() {
    executor_ = world_.make_executor();
    store_ = nullptr;
    executor_ = world_.make_executor();
  }

  std::shared_ptr<Log> make(const TopicPartition& partition) {
    return store_->find_or_create(partition, kTopicId, config_).value();
  }
  Result<AppendInfo> append(Log& log, AppendOrigin origin = AppendOrigin::Client) {
    record::RecordBatchBuilder builder({});
    builder.append(world_.clock().wall_now_ms(), as_bytes("key"), as_bytes("value"));
    const SharedBuffer batch = builder.build().value();
    return log.append_as_leader(batch->bytes(), LeaderEpoch(3), origin);
  }
  Result<AppendInfo> replicate(Log& log) {
    record::RecordBatchBuilder builder({});
    builder.append(world_.clock().wall_now_ms(), as_bytes("key"), as_bytes("value"));
    const SharedBuffer batch = builder.build().value();
    record::RecordBatchView::parse(batch->bytes()).value();
    const ByteView piece = batch->bytes();
    return log.append_as_follower(std::span(&piece, 1));
  }
  void fail_writes_to(const std::string& directory) {
    files_.set_fault([directory](std::string_view operation, const std::string& path) {
      return operation == "write" && path.starts_with(directory + "/") ? EIO : 0;
    });
  }
  DirectoryUsage usage_of(const std::string& directory) {
    for (const DirectoryUsage& usage : store_->usage()) {
      if (usage.directory == directory) return usage;
    }
    return {};
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  SpaceLimits limits_{.reserve_bytes = 0, .min_free_bytes = 0};
  std::unique_ptr<LogStore> store_;
  std::vector<std::string> went_offline_;
  std::vector<std::string> returned_;
  bool takes_in_ = true;
};

TEST_F(LogStoreReturnTest, BelowTheLimitClientsAreRefusedAndReplicationGoesOn) {
  limits_.min_free_bytes = 200 * kKiB;
  start();
  const auto log = make({"t", 0});
  const auto followed = make({"t", 1});
  ASSERT_TRUE(append(*log));
  files_.set_free_bytes(150 * kKiB);
  world_.run_for(seconds(2));
  EXPECT_EQ(append(*log).error().code(), ErrorCode::KafkaStorageError);
  EXPECT_TRUE(append(*log, AppendOrigin::Coordinator));
  EXPECT_TRUE(replicate(*followed));
  EXPECT_TRUE(log->read(Offset(0), {}));
  EXPECT_EQ(usage_of("/a").space_state, SpaceState::Low);
  EXPECT_TRUE(went_offline_.empty());
  limits_.min_free_bytes = 100 * kKiB;  // a dynamic config
  world_.run_for(seconds(2));
  EXPECT_TRUE(append(*log));
}

TEST_F(LogStoreReturnTest, AFullDiskGivesItsReserveUpAndGetsItBack) {
  limits_.reserve_bytes = 100 * kKiB;
  start({"/a"});
  const auto log = make({"t", 0});
  world_.run_for(seconds(2));
  ASSERT_EQ(files_.content("/a/ottla-reserve").value_or("").size(), 100 * kKiB);
  files_.set_free_bytes(10);
  EXPECT_EQ(append(*log).error().code(), ErrorCode::KafkaStorageError);
  world_.run_for(milliseconds(1));
  EXPECT_FALSE(files_.content("/a/ottla-reserve"));
  // What is free now is for this, and not for records.
  EXPECT_TRUE(store_->checkpoint_recovery_points());
  EXPECT_EQ(replicate(*log).error().code(), ErrorCode::KafkaStorageError);
  world_.run_for(seconds(10));
  EXPECT_EQ(append(*log, AppendOrigin::Coordinator).error().code(), ErrorCode::KafkaStorageError);
  EXPECT_EQ(usage_of("/a").space_state, SpaceState::Full);
  EXPECT_TRUE(went_offline_.empty());
  files_.set_free_bytes(1000 * kKiB);
  world_.run_for(seconds(2));
  EXPECT_TRUE(append(*log));
  EXPECT_EQ(files_.content("/a/ottla-reserve").value_or("").size(), 100 * kKiB);
}

TEST_F(LogStoreReturnTest, StartsOnAFullDisk) {
  for (const bool is_clean : {true, false}) {
    for (const std::uint64_t reserve : {std::uint64_t{0}, 100 * kKiB}) {
      SCOPED_TRACE(std::to_string(is_clean) + " " + std::to_string(reserve));
      files_.set_free_bytes(std::nullopt);
      limits_.reserve_bytes = reserve;
      start({"/a"});
      ASSERT_TRUE(store_->confirm_boot());
      const auto log = make({"t", 0});
      ASSERT_TRUE(append(*log));
      world_.run_for(seconds(2));
      const Offset end = log->log_end_offset();
      if (is_clean) {
        bool done = false;
        store_->shut_down([&] { done = true; });
        world_.run_for(milliseconds(10));
        ASSERT_TRUE(done);
      } else {
        files_.crash_process();
      }
      drop();
      files_.set_free_bytes(0);
      start({"/a"});
      ASSERT_TRUE(store_);
      EXPECT_TRUE(store_->offline_directories().empty());
      const auto again = store_->find({"t", 0});
      ASSERT_TRUE(again);
      EXPECT_EQ(again->log_end_offset(), end);
      EXPECT_TRUE(again->read(Offset(0), {}));
      EXPECT_FALSE(append(*again));
      files_.set_free_bytes(10'000 * kKiB);
      world_.run_for(seconds(2));
      EXPECT_TRUE(append(*again));
      files_.crash_process();
      drop();
    }
  }
}

TEST_F(LogStoreReturnTest, NewLogsGoWhereThereIsRoom) {
  start();
  for (int i = 0; i < 4; ++i) make({"t", i});
  std::map<std::string, int> counts;
  for (int i = 0; i < 4; ++i) ++counts[store_->directory_of({"t", i})];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"/a", 2}, {"/b", 2}}));
}

TEST_F(LogStoreReturnTest, AFailedDirComesBackAsAfterAHostCrash) {
  start();
  const auto log = make({"t", 0});
  make({"t", 1});
  ASSERT_EQ(store_->directory_of({"t", 0}), "/a");
  ASSERT_TRUE(append(*log));
  ASSERT_TRUE(store_->confirm_boot());
  fail_writes_to("/a");
  EXPECT_FALSE(append(*log));
  world_.run_for(seconds(30));
  EXPECT_EQ(went_offline_, std::vector<std::string>{"/a"});
  EXPECT_EQ(store_->offline_directories(), std::vector<std::string>{"/a"});
  files_.set_fault(nullptr);
  world_.run_for(minutes(2));
  EXPECT_EQ(returned_, std::vector<std::string>{"/a"});
  EXPECT_TRUE(store_->offline_directories().empty());
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::HostCrash);
  const auto again = store_->find({"t", 0});
  ASSERT_TRUE(again);
  EXPECT_NE(again, log);
  EXPECT_EQ(again->log_end_offset(), Offset(1));
  EXPECT_TRUE(append(*again));
  // Whoever still has the log of before can do no harm with it.
  EXPECT_FALSE(append(*log));
  EXPECT_FALSE(log->read(Offset(0), {}));
  // Unconfirmed, the next process sees the crash of a host too.
  files_.crash_process();
  drop();
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::HostCrash);
  EXPECT_EQ(store_->find({"t", 0})->log_end_offset(), Offset(2));
}

TEST_F(LogStoreReturnTest, NothingIsTakenInBeforeItsOwnerIsReady) {
  takes_in_ = false;
  start();
  const auto log = make({"t", 0});
  fail_writes_to("/a");
  EXPECT_FALSE(append(*log));
  files_.set_fault(nullptr);
  world_.run_for(minutes(2));
  EXPECT_EQ(returned_, std::vector<std::string>{"/a"});  // asked once
  EXPECT_EQ(store_->offline_directories(), std::vector<std::string>{"/a"});
  EXPECT_FALSE(store_->find_or_create({"t", 0}, kTopicId, config_));
}

TEST_F(LogStoreReturnTest, AnEmptyDirIsNotTakenInUnlessItSaysWhoseItIs) {
  start();
  const auto log = make({"t", 0});
  ASSERT_TRUE(append(*log));
  fail_writes_to("/a");
  EXPECT_FALSE(append(*log));
  files_.set_fault(nullptr);
  ASSERT_TRUE(files_.remove_all("/a"));
  world_.run_for(minutes(2));
  EXPECT_TRUE(returned_.empty());  // nothing there
  EXPECT_FALSE(files_.exists("/a").value());
  ASSERT_TRUE(files_.create_directories("/a"));
  world_.run_for(minutes(2));
  EXPECT_TRUE(returned_.empty());  // perhaps not mounted
  const std::string meta = env::read_file(files_, "/b/meta.properties").value();
  ASSERT_TRUE(env::replace_file(files_, "/a/meta.properties", meta));
  world_.run_for(minutes(2));
  EXPECT_EQ(returned_, std::vector<std::string>{"/a"});
  EXPECT_FALSE(store_->find({"t", 0}));
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::HostCrash);
}

TEST_F(LogStoreReturnTest, ADirOfAnotherBrokerStaysOut) {
  start();
  const auto log = make({"t", 0});
  fail_writes_to("/a");
  EXPECT_FALSE(append(*log));
  files_.set_fault(nullptr);
  ASSERT_TRUE(env::replace_file(files_, "/a/meta.properties",
                                format_meta_properties({BrokerId(8), "cluster"})));
  world_.run_for(minutes(2));
  EXPECT_TRUE(returned_.empty());
}

TEST_F(LogStoreReturnTest, ADirThatWasNotThereAtTheStartComesToo) {
  start();
  ASSERT_TRUE(append(*make({"t", 0})));
  files_.crash_process();
  drop();
  files_.set_fault(
      [](std::string_view, const std::string& path) { return path.starts_with("/a") ? EIO : 0; });
  start();
  EXPECT_EQ(store_->offline_directories(), std::vector<std::string>{"/a"});
  EXPECT_FALSE(store_->find({"t", 0}));
  files_.set_fault(nullptr);
  world_.run_for(minutes(2));
  EXPECT_TRUE(store_->offline_directories().empty());
  ASSERT_TRUE(store_->find({"t", 0}));
  EXPECT_EQ(store_->find({"t", 0})->log_end_offset(), Offset(1));
}

TEST_F(LogStoreReturnTest, ALogThatWasMadeAnewElsewhereMeanwhileIsKept) {
  start();
  ASSERT_TRUE(append(*make({"t", 0})));
  fail_writes_to("/a");
  EXPECT_FALSE(append(*store_->find({"t", 0})));
  EXPECT_FALSE(store_->remove({"t", 0}, minutes(1)));  // the topic is deleted: only in the table
  const auto made = store_->find_or_create({"t", 0}, TopicId(3, 4), config_).value();
  ASSERT_EQ(store_->directory_of({"t", 0}), "/b");
  files_.set_fault(nullptr);
  world_.run_for(minutes(2));
  EXPECT_TRUE(store_->offline_directories().empty());
  EXPECT_EQ(store_->find({"t", 0}), made);
  const auto names = files_.names("/a");
  EXPECT_TRUE(std::any_of(names.begin(), names.end(),
                          [](const std::string& name) { return name.ends_with("-stray"); }));
}

}  // namespace
}  // namespace ottla::storage
