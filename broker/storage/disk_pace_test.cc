#include "broker/storage/disk_pace.h"

#include <gtest/gtest.h>

#include "broker/storage/disk_probe.h"
#include "broker/storage/log_store.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr DiskPace::Limits kLimits{.patience = seconds(5), .recovery = seconds(60)};

TEST(DiskPace, IsSlowAfterPatienceInSlowOperations) {
  DiskPace pace(kLimits);
  pace.on_slow(seconds(4));
  EXPECT_FALSE(pace.is_slow());
  pace.on_slow(seconds(1));
  EXPECT_TRUE(pace.is_slow());
}

TEST(DiskPace, QuickTimeMakesUpForSlowTime) {
  DiskPace pace(kLimits);
  for (int i = 0; i < 100; ++i) {
    pace.on_slow(seconds(2));
    pace.on_quick(seconds(2));
  }
  EXPECT_FALSE(pace.is_slow());
  for (int i = 0; i < 10; ++i) {
    pace.on_slow(seconds(3));
    pace.on_quick(seconds(1));
  }
  EXPECT_TRUE(pace.is_slow()) << "slow three quarters of the time";
}

// W10: leaders must not go to and fro with a disk at the border.
TEST(DiskPace, W10OnlyALongQuickTimeMakesItWellAgain) {
  DiskPace pace(kLimits);
  pace.on_slow(seconds(5));
  for (int i = 0; i < 10; ++i) {
    pace.on_quick(seconds(59));
    pace.on_slow(seconds(1));
    EXPECT_TRUE(pace.is_slow());
  }
  pace.on_quick(seconds(60));
  EXPECT_FALSE(pace.is_slow());
  pace.on_slow(seconds(4));
  EXPECT_FALSE(pace.is_slow()) << "it begins anew";
}

/// An executor whose tasks wait while `is_stalled`.
class Disk final : public env::Executor {
 public:
  Disk(env::Executor& inner, const bool& is_stalled) : inner_(inner), is_stalled_(is_stalled) {}
  void post(Task task) override {
    inner_.post([this, task = std::move(task)]() mutable { run(std::move(task)); });
  }
  env::TimerHandle post_after(env::Duration delay, Task task) override {
    return inner_.post_after(delay, std::move(task));
  }

 private:
  void run(Task task) {
    if (!is_stalled_) return std::move(task)();
    timer_ = inner_.post_after(milliseconds(10),
                               [this, task = std::move(task)]() mutable { run(std::move(task)); });
  }
  env::Executor& inner_;
  const bool& is_stalled_;
  env::TimerHandle timer_;
};

class DiskProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LogStoreOptions options;
    options.directories = {"/a", "/b"};
    auto opened = LogStore::open(
        files_, world_.clock(), world_.random(), *executor_, options,
        [this](const std::string& directory, const Error&) { went_offline_.push_back(directory); });
    ASSERT_TRUE(opened) << opened.error();
    store_ = *std::move(opened);
    probe_ = std::make_unique<DiskProbe>(
        DiskProbe::Options{.slow_operation = seconds(1), .pace = kLimits}, files_, world_.clock(),
        *loop_, *store_, [this] { return std::make_unique<Disk>(*executor_, stalled_[disks_++]); },
        [this] { ++looks_; });
    probe_->start();
  }
  void TearDown() override {
    probe_->stop();
    executor_ = world_.make_executor();
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  std::unique_ptr<env::Executor> loop_ = world_.make_executor(1);
  std::vector<std::string> went_offline_;
  bool stalled_[2] = {false, false};
  std::size_t disks_ = 0;
  int looks_ = 0;
  std::unique_ptr<LogStore> store_;
  std::unique_ptr<DiskProbe> probe_;
};

TEST_F(DiskProbeTest, W10FindsTheDirectoryWhoseDiskDoesNotAnswer) {
  world_.run_for(seconds(20));
  EXPECT_TRUE(store_->slow_directories().empty());
  EXPECT_GT(looks_, 30);
  stalled_[1] = true;
  world_.run_for(seconds(8));
  EXPECT_EQ(store_->slow_directories(), std::vector<std::string>{"/b"});
  stalled_[1] = false;
  world_.run_for(seconds(55));
  EXPECT_EQ(store_->slow_directories(), std::vector<std::string>{"/b"});
  world_.run_for(seconds(10));
  EXPECT_TRUE(store_->slow_directories().empty());
}

/// The clock goes on while a process is stopped, and its disk looks as slow as it is long.
TEST_F(DiskProbeTest, APauseOfTheProcessIsNoSlowDisk) {
  world_.run_for(seconds(3));
  world_.pause(1);
  world_.run_for(seconds(120));
  world_.resume(1);
  world_.run_for(seconds(5));
  EXPECT_TRUE(store_->slow_directories().empty());
}

// W7: a disk on which nobody happens to write is found to have failed as well.
TEST_F(DiskProbeTest, W7AnOperationThatFailsTakesTheDirectoryOffline) {
  files_.set_fault([](std::string_view operation, const std::string& path) {
    return operation == "sync" && path.starts_with("/a/") ? EIO : 0;
  });
  world_.run_for(seconds(3));
  EXPECT_EQ(went_offline_, std::vector<std::string>{"/a"});
}

TEST_F(DiskProbeTest, ADirectoryThatIsOfflineIsLeftAlone) {
  int writes = 0;
  files_.set_fault([&](std::string_view operation, const std::string& path) {
    if (!path.starts_with("/a/")) return 0;
    writes += operation == "write" ? 1 : 0;
    return operation == "sync" ? EIO : 0;
  });
  world_.run_for(seconds(3));
  ASSERT_EQ(went_offline_, std::vector<std::string>{"/a"});
  writes = 0;
  world_.run_for(seconds(30));
  EXPECT_EQ(writes, 0);
  EXPECT_GT(looks_, 50);
}

// A dir that comes back is a new one for the log store; its disk is the same.
TEST_F(DiskProbeTest, ADirectoryThatComesBackIsAsSlowAsItWas) {
  stalled_[1] = true;
  world_.run_for(seconds(8));
  ASSERT_EQ(store_->slow_directories(), std::vector<std::string>{"/b"});
  store_->set_slow("/b", false);
  world_.run_for(seconds(2));
  EXPECT_EQ(store_->slow_directories(), std::vector<std::string>{"/b"});
}

TEST_F(DiskProbeTest, AFullDiskIsNeitherSlowNorFailed) {
  files_.set_free_bytes(0);
  world_.run_for(seconds(30));
  EXPECT_TRUE(went_offline_.empty());
  EXPECT_TRUE(store_->slow_directories().empty());
}

}  // namespace
}  // namespace ottla::storage
