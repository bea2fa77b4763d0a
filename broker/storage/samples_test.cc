// Log directories of a real Kafka 3.9.1: they must load with the numbers that Kafka served, and
// what we write from the same batches must be the same files.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "broker/storage/file_names.h"
#include "broker/storage/log.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

namespace fs = std::filesystem;

const fs::path kSamples = OTTLA_SAMPLES_DIR;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::map<std::string, std::string> contents(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    files[entry.path().filename().string()] = content(entry.path());
  }
  return files;
}

class Samples : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/samples.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  /// A copy that may be written to.
  std::string copy_of(const std::string& sample, const std::string& partition) {
    const fs::path to = root_ / partition;
    fs::remove_all(to);
    fs::create_directories(to);
    for (const auto& entry : fs::directory_iterator(kSamples / sample / partition)) {
      std::ofstream(to / entry.path().filename(), std::ios::binary) << content(entry.path());
    }
    return to.string();
  }

  static std::shared_ptr<const LogConfig> config() {
    auto config = std::make_shared<LogConfig>();
    config->index_max_bytes = 4096;
    config->index_interval_bytes = 512;
    config->retention_age.reset();
    return config;
  }

  std::shared_ptr<Log> open(const std::string& directory, LogOpening opening = {}) {
    opening.directory = directory;
    opening.partition = parse_directory_name(fs::path(directory).filename().string()).partition;
    if (*opening.config == LogConfig{}) opening.config = config();
    auto log = Log::open(environment_, opening);
    if (!log) ADD_FAILURE() << log.error();
    return log.value();
  }

  std::string all_bytes(const Log& log) {
    std::string bytes;
    Offset at = log.log_start_offset();
    while (at < log.log_end_offset()) {
      const FetchData data = log.read(at, {.max_bytes = 700, .whole_batches = true}).value();
      const SharedBuffer buffer = read_slice(data.records).value();
      EXPECT_GT(buffer->size(), 0U) << log.partition() << " at " << at;
      if (buffer->size() == 0) break;
      record::BatchIterator batches(buffer->bytes());
      while (const auto batch = batches.next().value()) {
        EXPECT_TRUE(batch->validate_crc());
        at = batch->next_offset();
        ++batches_;
      }
      EXPECT_TRUE(batches.rest().empty());
      bytes += as_text(buffer->bytes());
    }
    return bytes;
  }

  fs::path root_;
  testing::SimulatedWorld world_{1};
  env::PosixFileSystem files_;
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  DeferredDeletion deletions_{files_, *executor_};
  LogHealth health_{"dir", *executor_, nullptr};
  LogEnvironment environment_{files_, world_.clock(), *executor_, health_, deletions_};
  std::size_t batches_ = 0;
};

struct Expected {
  const char* partition;
  std::int64_t start, end, end_unclean;
  std::size_t batches;
};
constexpr Expected kExpected[] = {
    {"plain-0", 0, 300, 499, 30},
    {"plain-1", 0, 300, 601, 30},
    {"c-gzip-0", 0, 200, 250, 4},
    {"c-snappy-0", 0, 200, 200, 4},
    {"c-lz4-0", 0, 200, 200, 4},
    {"c-zstd-0", 0, 200, 200, 4},
    {"idem-0", 0, 100, 100, 10},
    {"txn-0", 0, 25, 25, 7},
    {"compacted-0", 0, 480, 480, 22},
    {"logappend-0", 0, 30, 30, 3},
    {"dotted.name_x-1-0", 0, 5, 5, 1},
    {"trimmed-0", 37, 100, 100, 10},
    {"empty-0", 0, 0, 0, 0},
    {"fmt-v0-0", 0, 80, 80, 26},
    {"fmt-v1-0", 0, 80, 80, 26},
    {"__consumer_offsets-0", 0, 5, 5, 4},
    {"__consumer_offsets-1", 0, 2, 2, 2},
    {"__transaction_state-0", 0, 0, 0, 0},
    {"__transaction_state-1", 0, 13, 13, 13},
};

Offset checkpointed_start(const Expected& expected) {
  return Offset(expected.start);
}

TEST_F(Samples, CleanLogsHaveTheirOffsetsAndBatches) {
  for (const Expected& expected : kExpected) {
    SCOPED_TRACE(expected.partition);
    const auto log = open(copy_of("clean", expected.partition),
                          {.log_start_offset = checkpointed_start(expected)});
    EXPECT_EQ(log->log_start_offset(), Offset(expected.start));
    EXPECT_EQ(log->log_end_offset(), Offset(expected.end));
    EXPECT_EQ(log->recovery().segments_scanned, 0U);
    batches_ = 0;
    all_bytes(*log);
    if (std::string(expected.partition) == "trimmed-0") batches_ += 3;  // wholly below the start
    EXPECT_EQ(batches_, expected.batches);
  }
}

TEST_F(Samples, CleanLogsCloseToTheSameBytes) {
  for (const Expected& expected : kExpected) {
    SCOPED_TRACE(expected.partition);
    const std::string directory = copy_of("clean", expected.partition);
    const auto log = open(directory, {.log_start_offset = checkpointed_start(expected)});
    ASSERT_TRUE(log->close());
    const auto ours = contents(directory);
    for (const auto& [name, bytes] : contents(kSamples / "clean" / expected.partition)) {
      EXPECT_TRUE(ours.contains(name)) << name;
      EXPECT_TRUE(ours.at(name) == bytes) << name;
    }
  }
}

TEST_F(Samples, UncleanLogsAreRecovered) {
  for (const Expected& expected : kExpected) {
    SCOPED_TRACE(expected.partition);
    const std::string directory = copy_of("unclean", expected.partition);
    const auto log = open(directory, {.log_start_offset = checkpointed_start(expected),
                                      .recovery_point = Offset(expected.end),
                                      .shutdown = ShutdownKind::ProcessCrash});
    EXPECT_EQ(log->log_start_offset(), Offset(expected.start));
    EXPECT_EQ(log->log_end_offset(), Offset(expected.end_unclean));
    EXPECT_EQ(log->recovery().bytes_truncated, 0U);
    for (const auto& [name, bytes] : contents(kSamples / "unclean" / expected.partition)) {
      if (!name.ends_with(".log")) continue;
      EXPECT_TRUE(content(fs::path(directory) / name) == bytes) << name;
    }
  }
}

TEST_F(Samples, RecoveryRebuildsEverythingFromTheLogFiles) {
  for (const Expected& expected : kExpected) {
    SCOPED_TRACE(expected.partition);
    const std::string directory = copy_of("clean", expected.partition);
    for (const auto& entry : fs::directory_iterator(directory)) {
      const std::string name = entry.path().filename().string();
      if (!name.ends_with(".log")) fs::remove(entry.path());
    }
    const auto log = open(directory, {.log_start_offset = checkpointed_start(expected),
                                      .recovery_point = Offset(0),
                                      .shutdown = ShutdownKind::ProcessCrash});
    EXPECT_EQ(log->log_end_offset(), Offset(expected.end));
    const auto good = open(copy_of("clean", expected.partition),
                           {.log_start_offset = checkpointed_start(expected)});
    const bool epoch_is_in_batches = expected.end > 0 && std::string(expected.partition)[0] != 'f';
    if (epoch_is_in_batches) {
      EXPECT_EQ(log->latest_leader_epoch(), good->latest_leader_epoch());
    }
    EXPECT_EQ(log->last_stable_offset(log->log_end_offset()),
              good->last_stable_offset(good->log_end_offset()));
  }
}

TEST_F(Samples, OpenAndAbortedTransactionsAreKnown) {
  for (const bool clean : {true, false}) {
    const auto log = open(copy_of(clean ? "clean" : "unclean", "txn-0"),
                          {.recovery_point = Offset(25),
                           .shutdown = clean ? ShutdownKind::Clean : ShutdownKind::ProcessCrash});
    EXPECT_EQ(log->last_stable_offset(Offset(25)), Offset(23));
    const FetchData all = log->read(Offset(0), {.end_offset = Offset(23)}).value();
    EXPECT_EQ(log->aborted_transactions(all).value(),
              (std::vector<AbortedTransaction>{}));  // the first segment has none, and ends at 10
    const FetchData second = log->read(Offset(12), {.end_offset = Offset(23)}).value();
    EXPECT_EQ(log->aborted_transactions(second).value(),
              (std::vector<AbortedTransaction>{{ProducerId(1001), Offset(11)}}));
    const auto producers = log->active_producers();
    ASSERT_EQ(producers.size(), 2U);
    EXPECT_EQ(producers[1].transaction_start_offset, Offset(23));
  }
}

TEST_F(Samples, FindsRecordsByTime) {
  const auto log = open(copy_of("clean", "plain-0"));
  // The i-th record of both partitions has time base + i, and goes to partition i % 2.
  for (const std::int64_t i : {0, 1, 100, 333, 598, 599}) {
    const auto found = log->find_by_timestamp(1700000000000 + i).value();
    if (i == 599) {
      EXPECT_FALSE(found);
      continue;
    }
    ASSERT_TRUE(found);
    EXPECT_EQ(found->offset, Offset((i + 1) / 2)) << i;
    EXPECT_EQ(found->leader_epoch, LeaderEpoch(0));
  }
  const auto largest = log->find_max_timestamp().value();
  ASSERT_TRUE(largest);
  EXPECT_EQ(largest->offset, Offset(299));
  EXPECT_EQ(largest->timestamp, 1700000000598);
}

TEST_F(Samples, ReadingFromEveryOffsetBeginsWithTheBatchThatHoldsIt) {
  for (const Expected& expected : kExpected) {
    SCOPED_TRACE(expected.partition);
    const auto log = open(copy_of("clean", expected.partition),
                          {.log_start_offset = checkpointed_start(expected)});
    for (std::int64_t offset = expected.start; offset < expected.end; ++offset) {
      const FetchData data = log->read(Offset(offset), {.max_bytes = 1}).value();
      const SharedBuffer bytes = read_slice(data.records).value();
      const auto batch = record::RecordBatchView::parse(bytes->bytes());
      ASSERT_TRUE(batch) << offset;
      EXPECT_EQ(batch->size(), bytes->size());
      EXPECT_GE(batch->last_offset(), Offset(offset));
    }
  }
}

/// Takes the batches one by one, as a follower would get them, into a new log.
/// A producer snapshot goes on behind Kafka's entries (ProducerStates::to_snapshot), under one CRC.
bool is_kafkas(const std::string& file, std::string_view ours, std::string_view expected) {
  if (!file.ends_with(kSnapshotSuffix)) return ours == expected;
  constexpr std::size_t kVersion = 2;
  constexpr std::size_t kBehindCrc = 6;
  return ours.substr(0, kVersion) == expected.substr(0, kVersion) &&
         ours.substr(0, expected.size()).substr(kBehindCrc) == expected.substr(kBehindCrc);
}

TEST_F(Samples, TheSameAppendsMakeTheSameFiles) {
  for (const char* partition :
       {"plain-0", "plain-1", "c-gzip-0", "c-snappy-0", "c-lz4-0", "c-zstd-0", "idem-0",
        "logappend-0", "dotted.name_x-1-0", "__transaction_state-1", "__consumer_offsets-0",
        "__consumer_offsets-1", "txn-0"}) {
    SCOPED_TRACE(partition);
    auto small = std::make_shared<LogConfig>(*config());
    const std::string name(partition);
    if (name.starts_with("plain")) small->segment_bytes = 4096;
    const auto source = open(copy_of("clean", partition));
    const std::string bytes = all_bytes(*source);
    const std::string directory = (root_ / "new" / partition).string();
    const auto log = open(directory, {.config = small});
    record::BatchIterator batches(as_bytes(bytes));
    while (const auto batch = batches.next().value()) {
      if (name == "txn-0" && batch->base_offset() == Offset(10)) {
        ASSERT_TRUE(log->roll());
      }
      const ByteView piece = batch->bytes();
      ASSERT_TRUE(log->append_as_follower(std::span(&piece, 1)));
    }
    ASSERT_TRUE(log->close());
    auto ours = contents(directory);
    for (const auto& [file, expected] : contents(kSamples / "clean" / partition)) {
      if (file == kPartitionMetadata) continue;
      ASSERT_TRUE(ours.contains(file)) << file;
      EXPECT_TRUE(is_kafkas(file, ours[file], expected)) << file;
      ours.erase(file);
    }
    for (const auto& [file, unexpected] : ours) ADD_FAILURE() << "not Kafka's: " << file;
  }
}

}  // namespace
}  // namespace ottla::storage
