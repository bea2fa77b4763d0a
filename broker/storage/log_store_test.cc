#include "broker/storage/log_store.h"

#include <gtest/gtest.h>

#include "broker/storage/file_names.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const TopicId kTopicId(1, 2);

class LogStoreTest : public ::testing::Test {
 protected:
  void open(std::vector<std::string> directories = {"/a", "/b"}) {
    LogStoreOptions options;
    options.directories = std::move(directories);
    options.recovery_threads_per_directory = 2;
    auto opened = LogStore::open(
        files_, world_.clock(), world_.random(), *executor_, options,
        [this](const std::string& directory, const Error&) { went_offline_.push_back(directory); });
    ASSERT_TRUE(opened) << opened.error();
    store_ = *std::move(opened);
    ASSERT_TRUE(store_->set_identity(BrokerId(7), "cluster"));
  }

  void load() {
    std::optional<Result<std::vector<DirectoryLoad>>> outcome;
    store_->load([this](const std::string&) { return config_; },
                 [&](Result<std::vector<DirectoryLoad>> result) { outcome = std::move(result); });
    world_.run_for(seconds(1));
    ASSERT_TRUE(outcome);
    ASSERT_TRUE(*outcome) << outcome->error();
    loads_ = **outcome;
    // The controller knows no replica that the new log dirs should hold.
    if (std::exchange(is_first_start_, false)) {
      ASSERT_TRUE(store_->confirm_boot());
    }
    store_->start([this](const TopicPartition& partition) -> std::optional<Offset> {
      const auto log = store_->find(partition);
      return log ? std::optional(log->log_end_offset()) : std::nullopt;
    });
  }

  void start() {
    open();
    if (store_) load();
  }

  void shut_down() {
    bool done = false;
    store_->shut_down([&] { done = true; });
    world_.run_for(milliseconds(10));
    ASSERT_TRUE(done);
    drop();
  }

  /// As the end of the process does.
  void drop() {
    executor_ = world_.make_executor();
    store_ = nullptr;
    executor_ = world_.make_executor();
  }
  void crash_process() {
    files_.crash_process();
    drop();
  }
  void crash_host() {
    files_.crash_host();
    drop();
  }

  std::shared_ptr<Log> make(const TopicPartition& partition) {
    return store_->find_or_create(partition, kTopicId, config_).value();
  }

  void write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(env::replace_file(files_, path, text));
  }
  void damage(const std::string& path, std::uint64_t position) {
    const auto file = files_.open(path, env::OpenMode::ReadWrite).value();
    const std::array<std::byte, 1> noise{std::byte{0x55}};
    const ByteView piece = noise;
    ASSERT_TRUE(file->write_at(std::span(&piece, 1), position));
  }

  void append(Log& log, int records, LeaderEpoch epoch = LeaderEpoch(3)) {
    record::RecordBatchBuilder builder({});
    for (int i = 0; i < records; ++i) {
      builder.append(world_.clock().wall_now_ms(), as_bytes("key"), as_bytes("value"));
    }
    const SharedBuffer batch = builder.build().value();
    ASSERT_TRUE(log.append_as_leader(batch->bytes(), epoch));
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  bool is_first_start_ = true;
  std::unique_ptr<LogStore> store_;
  std::vector<DirectoryLoad> loads_;
  std::vector<std::string> went_offline_;
};

// Found by the simulation: a full disk kept the topic's id from being written, a crash the rest
// from being removed; the move was taken up again, and the log had no id any more.
TEST_F(LogStoreTest, AHalfMadeFutureReplicaIsNotTakenUpAgain) {
  start();
  const TopicPartition partition{"t", 0};
  append(*make(partition), 3);
  const std::string other = store_->directory_of(partition) == "/a" ? "/b" : "/a";
  const std::string future = store_->create_future(partition, other).value()->directory();
  crash_process();
  ASSERT_TRUE(files_.remove(future + "/" + std::string(kPartitionMetadata)));
  start();
  EXPECT_EQ(store_->find_future(partition), nullptr);
  EXPECT_EQ(store_->topic_id(partition), kTopicId);
  EXPECT_EQ(store_->find(partition)->log_end_offset(), Offset(3));
  crash_process();

  start();
  const std::string whole = store_->create_future(partition, other).value()->directory();
  crash_process();
  start();
  ASSERT_NE(store_->find_future(partition), nullptr);
  EXPECT_EQ(store_->find_future(partition)->directory(), whole);
}

// Found by the simulation: the log had been put aside, the copy that was to replace it came back
// with its log dir, and stayed for ever.
TEST_F(LogStoreTest, AFutureReplicaWithoutALogIsPutAsideAsOne) {
  start();
  const TopicPartition partition{"t", 0};
  append(*make(partition), 3);
  const std::string own = store_->directory_of(partition);
  const std::string other = own == "/a" ? "/b" : "/a";
  ASSERT_TRUE(store_->create_future(partition, other));
  crash_process();
  ASSERT_TRUE(files_.remove_all(own + "/t-0"));
  start();
  EXPECT_EQ(store_->partitions(), (std::set<TopicPartition>{partition}));
  ASSERT_TRUE(store_->mark_stray(partition));
  EXPECT_TRUE(store_->partitions().empty());
  const auto names = files_.names(other);
  EXPECT_TRUE(
      std::ranges::any_of(names, [](const auto& name) { return name.ends_with("-stray"); }));
}

// An empty disk in the place of one whose records were acknowledged looks like a new one: until the
// controller has said that nothing is missed, it is no better than a host that lost its page cache.
TEST_F(LogStoreTest, W1AnEmptyLogDirMayHaveHeldRecords) {
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::HostCrash);
  make({"t", 0});
  shut_down();
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::Clean) << "it was confirmed";
  shut_down();
  ASSERT_TRUE(files_.remove_all("/a"));
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::HostCrash);
  crash_process();
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::HostCrash) << "nobody has confirmed it yet";
}

TEST_F(LogStoreTest, NewLogsGoToTheDirectoryWithTheFewest) {
  start();
  for (int i = 0; i < 4; ++i) make({"t", i});
  std::map<std::string, int> counts;
  for (int i = 0; i < 4; ++i) ++counts[store_->directory_of({"t", i})];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"/a", 2}, {"/b", 2}}));
}

TEST_F(LogStoreTest, ACleanShutdownKeepsEverythingAndSaysSo) {
  start();
  append(*make({"t-1.x", 0}), 5);
  shut_down();
  EXPECT_EQ(env::read_file(files_, "/a/.kafka_cleanshutdown").value(),
            R"({"version":0,"brokerEpoch":-1})");
  EXPECT_EQ(env::read_file(files_, "/a/recovery-point-offset-checkpoint").value(),
            "0\n1\nt-1.x 0 5\n");
  EXPECT_EQ(env::read_file(files_, "/a/replication-offset-checkpoint").value(),
            "0\n1\nt-1.x 0 5\n");
  EXPECT_EQ(env::read_file(files_, "/a/t-1.x-0/partition.metadata").value(),
            "version: 0\ntopic_id: " + kTopicId.to_string());
  EXPECT_EQ(env::read_file(files_, "/a/meta.properties").value(),
            "#\nbroker.id=7\nversion=0\ncluster.id=cluster\n");
  files_.crash_host();  // a new boot makes no difference
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::Clean);
  EXPECT_FALSE(files_.exists("/a/.kafka_cleanshutdown").value());
  EXPECT_EQ(loads_[0].logs, 1U);
  EXPECT_EQ(loads_[0].segments_scanned, 0U);
  const auto log = store_->find({"t-1.x", 0});
  ASSERT_TRUE(log);
  EXPECT_EQ(log->log_end_offset(), Offset(5));
  EXPECT_EQ(store_->topic_id({"t-1.x", 0}), kTopicId);
  EXPECT_EQ(store_->checkpointed_high_watermark({"t-1.x", 0}), Offset(5));
}

TEST_F(LogStoreTest, AProcessCrashLosesNothing) {
  start();
  append(*make({"t", 0}), 5);
  crash_process();
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::ProcessCrash);
  EXPECT_EQ(store_->find({"t", 0})->log_end_offset(), Offset(5));
}

// Else the broker would serve without it, make it anew, and call the next stop a clean one.
TEST_F(LogStoreTest, ALogThatCannotBeLoadedForAFullDiskTakesItsDirectoryOffline) {
  start();
  append(*make({"t", 0}), 5);
  const std::string directory = store_->directory_of({"t", 0});
  int refused = 0;
  for (std::uint64_t free_bytes = 0; free_bytes < 300; free_bytes += 10) {
    files_.set_free_bytes(std::nullopt);
    crash_process();
    open();
    files_.set_free_bytes(free_bytes);
    std::optional<bool> loaded;
    store_->load([this](const std::string&) { return config_; },
                 [&](const Result<std::vector<DirectoryLoad>>& result) { loaded = bool(result); });
    world_.run_for(seconds(1));
    if (!loaded.value_or(false) || store_->find({"t", 0})) continue;
    ++refused;
    EXPECT_EQ(store_->offline_directories(), std::vector<std::string>{directory}) << free_bytes;
  }
  EXPECT_GT(refused, 0);
}

// The next try may find more room in another dir: two dirs with the log would keep one offline at
// the next start.
TEST_F(LogStoreTest, ALogThatAFullDiskLetHalfBeMadeIsTakenBack) {
  start();
  const auto places = [&] {
    int found = 0;
    for (const std::string directory : {"/a", "/b"}) {
      found += files_.exists(directory + "/t-0").value() ? 1 : 0;
    }
    return found;
  };
  int refused = 0;
  bool is_made = false;
  for (std::uint64_t free_bytes = 0; !is_made; free_bytes += 10) {
    for (int tries = 0; tries < 2 && !is_made; ++tries) {
      files_.set_free_bytes(free_bytes);
      is_made = store_->find_or_create({"t", 0}, kTopicId, config_).has_value();
      if (is_made) break;
      ++refused;
      ASSERT_EQ(places(), 0) << free_bytes;
      files_.set_free_bytes(std::nullopt);
      world_.run_for(seconds(2));  // its log dir is looked at
    }
  }
  EXPECT_GT(refused, 4);
  EXPECT_EQ(places(), 1);
  files_.set_free_bytes(std::nullopt);
  crash_host();
  start();
  EXPECT_TRUE(store_->find({"t", 0}));
  EXPECT_TRUE(store_->offline_directories().empty());
}

TEST_F(LogStoreTest, AHostCrashIsReportedUntilSomebodyHeardOfIt) {
  start();
  const auto log = make({"t", 0});
  append(*log, 5);
  ASSERT_TRUE(log->flush());
  append(*log, 5);
  crash_host();
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::HostCrash);
  EXPECT_GE(store_->find({"t", 0})->log_end_offset(), Offset(5));
  // Neither a crash of the process nor a clean stop makes it forgotten.
  crash_process();
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::HostCrash);
  shut_down();
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::HostCrash);
  ASSERT_TRUE(store_->confirm_boot());
  crash_process();
  start();
  EXPECT_EQ(store_->shutdown_kind(), ShutdownKind::ProcessCrash);
}

TEST_F(LogStoreTest, AFreshLogDirOutlivesAHostCrash) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    testing::SimulatedFileSystem files(seed);
    {
      LogDirectory directory(files, "/disks/a", *executor_, {});
      ASSERT_TRUE(directory.open());
    }
    files.crash_host();
    EXPECT_TRUE(files.exists("/disks/a").value_or(false)) << "seed " << seed;
  }
}

TEST_F(LogStoreTest, RemovedLogsGoAfterADelayAlsoThroughACrash) {
  start();
  append(*make({"t", 0}), 5);
  ASSERT_TRUE(store_->remove({"t", 0}, minutes(1)));
  EXPECT_FALSE(store_->find({"t", 0}));
  const auto leftover = [&] {
    std::vector<std::string> found;
    const auto entries = files_.list("/a").value();
    for (const auto& entry : entries) {
      if (entry.is_directory) found.push_back(entry.name);
    }
    return found;
  };
  ASSERT_EQ(leftover().size(), 1U);
  EXPECT_TRUE(leftover()[0].starts_with("t-0."));
  EXPECT_TRUE(leftover()[0].ends_with("-delete"));
  crash_host();
  start();
  EXPECT_FALSE(store_->find({"t", 0}));
  EXPECT_EQ(leftover().size(), 1U);
  world_.run_for(minutes(2));
  EXPECT_TRUE(leftover().empty());
}

TEST_F(LogStoreTest, ARecreatedLogDoesNotInheritTheLogStart) {
  start();
  const auto log = make({"t", 0});
  append(*log, 5);
  ASSERT_TRUE(log->raise_log_start_offset(Offset(4), Offset(5)).value());
  ASSERT_TRUE(store_->checkpoint_log_starts());
  ASSERT_TRUE(store_->remove({"t", 0}, minutes(1)));
  append(*make({"t", 0}), 2);
  crash_process();
  start();
  EXPECT_EQ(store_->find({"t", 0})->log_start_offset(), Offset(0));
  EXPECT_EQ(store_->find({"t", 0})->log_end_offset(), Offset(2));
}

TEST_F(LogStoreTest, LogStartsSurviveACrash) {
  start();
  const auto log = make({"t", 0});
  append(*log, 5);
  ASSERT_TRUE(log->raise_log_start_offset(Offset(4), Offset(5)).value());
  world_.run_for(minutes(2));
  crash_process();
  start();
  EXPECT_EQ(store_->find({"t", 0})->log_start_offset(), Offset(4));
}

TEST_F(LogStoreTest, AnotherTopicIdIsRefused) {
  start();
  make({"t", 0});
  const auto other = store_->find_or_create({"t", 0}, TopicId(9, 9), config_);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::InconsistentTopicId);
}

TEST_F(LogStoreTest, DirectoriesOfAnotherBrokerOrClusterAreRefused) {
  start();
  shut_down();
  LogStoreOptions options{.directories = {"/a", "/b"}};
  auto opened =
      LogStore::open(files_, world_.clock(), world_.random(), *executor_, options, nullptr);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->identity(), (MetaProperties{BrokerId(7), "cluster"}));
  EXPECT_EQ((*opened)->set_identity(BrokerId(8), "cluster").error().code(),
            ErrorCode::InvalidConfig);
  EXPECT_EQ((*opened)->set_identity(BrokerId(7), "other").error().code(),
            ErrorCode::InconsistentClusterId);
}

TEST_F(LogStoreTest, ASecondProcessIsKeptOut) {
  start();
  LogStoreOptions options{.directories = {"/c", "/a"}};
  EXPECT_FALSE(
      LogStore::open(files_, world_.clock(), world_.random(), *executor_, options, nullptr));
}

TEST_F(LogStoreTest, AForeignDirectoryStopsTheStart) {
  ASSERT_TRUE(files_.create_directories("/a/holiday_photos"));
  LogStoreOptions options{.directories = {"/c", "/a"}};
  EXPECT_FALSE(
      LogStore::open(files_, world_.clock(), world_.random(), *executor_, options, nullptr));
}

TEST_F(LogStoreTest, AFailedWriteTakesOneDirectoryOffline) {
  start();
  const auto a = make({"t", 0});
  const auto b = make({"t", 1});
  files_.set_fault([](std::string_view operation, const std::string& path) {
    return operation == "write" && path.starts_with("/a/") ? EIO : 0;
  });
  record::RecordBatchBuilder builder({});
  builder.append(1, as_bytes("k"), as_bytes("v"));
  const SharedBuffer batch = builder.build().value();
  EXPECT_FALSE(a->append_as_leader(batch->bytes(), LeaderEpoch(0)));
  files_.set_fault(nullptr);
  EXPECT_EQ(a->append_as_leader(batch->bytes(), LeaderEpoch(0)).error().code(),
            ErrorCode::KafkaStorageError);
  EXPECT_FALSE(a->read(Offset(0), {}));
  append(*b, 1);
  world_.run_for(milliseconds(1));
  EXPECT_EQ(went_offline_, std::vector<std::string>{"/a"});
  EXPECT_EQ(store_->offline_directories(), std::vector<std::string>{"/a"});
  make({"t", 2});
  EXPECT_EQ(store_->directory_of({"t", 2}), "/b");
  shut_down();
  EXPECT_FALSE(files_.exists("/a/.kafka_cleanshutdown").value());
  EXPECT_TRUE(files_.exists("/b/.kafka_cleanshutdown").value());
}

TEST_F(LogStoreTest, W9ACorruptCheckpointCostsARecoveryOnly) {
  start();
  append(*make({"t", 0}), 5);
  shut_down();
  ASSERT_TRUE(files_.remove("/a/.kafka_cleanshutdown"));
  ASSERT_TRUE(env::replace_file(files_, "/a/recovery-point-offset-checkpoint", "0\n7\ngarbage"));
  ASSERT_TRUE(env::replace_file(files_, "/a/t-0/leader-epoch-checkpoint", "??"));
  start();
  EXPECT_EQ(store_->find({"t", 0})->log_end_offset(), Offset(5));
  EXPECT_EQ(store_->find({"t", 0})->latest_leader_epoch(), LeaderEpoch(3));
  EXPECT_EQ(loads_[0].segments_scanned, 1U);
}

// W9: what is well formed may be wrong all the same.

TEST_F(LogStoreTest, ARecoveryPointBehindTheLogsEndIsNotBelieved) {
  config_->segment_bytes = 200;
  start();
  const auto log = make({"t", 0});
  for (int i = 0; i < 5; ++i) append(*log, 2);
  const std::size_t segments = log->segment_count();
  ASSERT_GT(segments, 2U);
  shut_down();
  ASSERT_TRUE(files_.remove("/a/.kafka_cleanshutdown"));
  write("/a/recovery-point-offset-checkpoint", "0\n1\nt 0 1000\n");
  start();
  EXPECT_EQ(store_->find({"t", 0})->log_end_offset(), Offset(10));
  EXPECT_GE(loads_[0].segments_scanned, segments);
}

TEST_F(LogStoreTest, ADamagedSegmentIsFoundInSpiteOfAWrongRecoveryPoint) {
  config_->segment_bytes = 200;
  start();
  const auto log = make({"t", 0});
  for (int i = 0; i < 5; ++i) append(*log, 2);
  const Offset second = log->all_segments()[1]->base_offset();
  const std::string name = log->directory() + "/" + segment_name(second) + ".log";
  shut_down();
  ASSERT_TRUE(files_.remove("/a/.kafka_cleanshutdown"));
  write("/a/recovery-point-offset-checkpoint", "0\n1\nt 0 1000\n");
  damage(name, 70);
  start();
  EXPECT_EQ(store_->find({"t", 0})->log_end_offset(), second);
}

TEST_F(LogStoreTest, ALogStartBehindTheLogsEndDeletesNothing) {
  for (const bool is_clean : {true, false}) {
    config_->segment_bytes = 200;
    start();
    const auto log = make({"t", 0});
    if (log->log_end_offset() == Offset(0)) {
      for (int i = 0; i < 5; ++i) append(*log, 2);
    }
    shut_down();
    if (!is_clean) {
      ASSERT_TRUE(files_.remove("/a/.kafka_cleanshutdown"));
    }
    write("/a/log-start-offset-checkpoint", "0\n1\nt 0 1000\n");
    start();
    EXPECT_EQ(store_->find({"t", 0})->log_start_offset(), Offset(0));
    EXPECT_EQ(store_->find({"t", 0})->log_end_offset(), Offset(10));
    shut_down();
  }
}

TEST_F(LogStoreTest, AHighWatermarkBehindTheLogsEndIsUnknown) {
  start();
  append(*make({"t", 0}), 5);
  shut_down();
  write("/a/replication-offset-checkpoint", "0\n1\nt 0 6\n");
  start();
  EXPECT_EQ(store_->checkpointed_high_watermark({"t", 0}), std::nullopt);
}

TEST_F(LogStoreTest, WrongLeaderEpochsAreFoundAndRebuilt) {
  const std::vector<EpochStart> right{{LeaderEpoch(3), Offset(0)}, {LeaderEpoch(5), Offset(5)}};
  start();
  const auto log = make({"t", 0});
  append(*log, 5);
  append(*log, 5, LeaderEpoch(5));
  shut_down();
  // Moved, another epoch, the newest one missing, the oldest one missing, one too many, none.
  for (const std::string wrong : {"2\n3 0\n5 6\n", "2\n3 0\n6 5\n", "1\n3 0\n", "1\n5 5\n",
                                  "3\n3 0\n4 2\n5 5\n", "0\n", "2\n3 0\n4294967301 5\n"}) {
    SCOPED_TRACE(wrong);
    (void)files_.remove("/a/.kafka_cleanshutdown");
    write("/a/t-0/leader-epoch-checkpoint", "0\n" + wrong);
    start();
    EXPECT_EQ(store_->find({"t", 0})->leader_epochs(), right);
    shut_down();
  }
  // The last batch is looked at after a clean end, too.
  write("/a/t-0/leader-epoch-checkpoint", "0\n1\n3 0\n");
  start();
  EXPECT_EQ(store_->find({"t", 0})->leader_epochs(), right);
}

TEST_F(LogStoreTest, ACleanerPointBehindTheActiveSegmentHidesNoGap) {
  config_->segment_bytes = 200;
  config_->cleanup_compact = true;
  start();
  const auto log = make({"t", 0});
  for (int i = 0; i < 5; ++i) append(*log, 2);
  const Offset second = log->all_segments()[1]->base_offset();
  const std::string name = log->directory() + "/" + segment_name(second) + ".log";
  shut_down();
  ASSERT_TRUE(files_.remove("/a/.kafka_cleanshutdown"));
  ASSERT_TRUE(files_.remove("/a/ottla-boot"));
  ASSERT_TRUE(files_.remove("/a/recovery-point-offset-checkpoint"));
  ASSERT_TRUE(files_.remove(name));
  write("/a/cleaner-offset-checkpoint", "0\n1\nt 0 1000\n");
  start();
  EXPECT_EQ(store_->find({"t", 0})->log_end_offset(), second);
}

TEST_F(LogStoreTest, ImpossibleCheckpointsAreCorrupt) {
  EXPECT_FALSE(parse_offset_checkpoint("0\n1\nt 0 -5\n"));
  EXPECT_FALSE(parse_offset_checkpoint("0\n1\nt -1 5\n"));
  EXPECT_FALSE(parse_offset_checkpoint("0\n1\nt 4294967296 5\n"));
  EXPECT_FALSE(parse_offset_checkpoint("0\n2\nt 0 5\nt 0 6\n"));
  EXPECT_TRUE(parse_offset_checkpoint("0\n2\nt 0 5\nt 1 6\n"));
  EXPECT_FALSE(LeaderEpochs::from_checkpoint("0\n1\n1 -5\n"));
  EXPECT_FALSE(LeaderEpochs::from_checkpoint("0\n1\n-1 5\n"));
}

TEST_F(LogStoreTest, RetentionDeletesOldSegmentsBelowTheHighWatermark) {
  config_->segment_bytes = 200;
  config_->retention_age = minutes(10);
  start();
  const auto log = make({"t", 0});
  for (int i = 0; i < 5; ++i) append(*log, 2);
  EXPECT_GT(log->segment_count(), 2U);
  world_.run_for(minutes(30));
  EXPECT_EQ(log->segment_count(), 1U);
  EXPECT_EQ(log->log_start_offset(), Offset(10));
  EXPECT_EQ(log->log_end_offset(), Offset(10));
  const auto entries = files_.list(log->directory()).value();
  for (const auto& entry : entries) {
    EXPECT_FALSE(entry.name.ends_with(".deleted")) << entry.name;
  }
  EXPECT_EQ(log->read(Offset(3), {}).error().code(), ErrorCode::OffsetOutOfRange);
}

}  // namespace
}  // namespace ottla::storage
