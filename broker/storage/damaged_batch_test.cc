#include "broker/storage/damaged_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "broker/storage/compaction_filter.h"
#include "broker/storage/log_cleaner_for_tests.h"
#include "common/metrics/log_metrics.h"
#include "common/record/records.h"

namespace ottla::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kCrcAt = 17;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kLengthAt = 8;

/// One batch as it stands in the files.
struct Found {
  Offset offset;
  std::string bytes;
  bool is_sound = false;
};

class DamagedBatchTest : public LogCleanerTest {
 protected:
  [[nodiscard]] std::string directory(const std::string& topic) const {
    return "/a/" + topic + "-0";
  }

  /// All batches of the log's files, told apart by their framing alone.
  [[nodiscard]] std::vector<Found> batches(const std::string& topic) const {
    std::vector<Found> all;
    for (const std::string& name : files_.names(directory(topic))) {
      if (!name.ends_with(".log")) continue;
      const std::string content = files_.content(directory(topic) + "/" + name).value();
      for (std::size_t at = 0; at + record::kLogOverhead <= content.size();) {
        const auto* raw = reinterpret_cast<const std::byte*>(content.data() + at);
        const std::size_t size =
            record::kLogOverhead +
            static_cast<std::size_t>(load_big_endian<std::int32_t>(raw + kLengthAt));
        if (at + size > content.size()) break;
        const auto parsed = record::RecordBatchView::parse(ByteView(raw, size));
        all.push_back({Offset(load_big_endian<std::int64_t>(raw)), content.substr(at, size),
                       parsed && parsed->validate_crc()});
        at += size;
      }
    }
    return all;
  }

  /// Flips bits of the batch with this offset, `at` bytes into it.
  void damage(const std::string& topic, Offset offset, std::size_t at, std::uint8_t bits = 0x55) {
    for (const std::string& name : files_.names(directory(topic))) {
      if (!name.ends_with(".log")) continue;
      const std::string path = directory(topic) + "/" + name;
      const std::string content = files_.content(path).value();
      for (std::size_t position = 0; position + record::kLogOverhead <= content.size();) {
        const auto* raw = reinterpret_cast<const std::byte*>(content.data() + position);
        if (Offset(load_big_endian<std::int64_t>(raw)) == offset) {
          const auto file = files_.open(path, env::OpenMode::ReadWrite).value();
          const std::array<std::byte, 1> noise{raw[at] ^ std::byte{bits}};
          const ByteView piece = noise;
          ASSERT_TRUE(file->write_at(std::span(&piece, 1), position + at));
          return;
        }
        position += record::kLogOverhead +
                    static_cast<std::size_t>(load_big_endian<std::int32_t>(raw + kLengthAt));
      }
    }
    FAIL() << "no batch at " << offset;
  }

  /// The last value of each key in the batches that can be read.
  static std::map<std::string, std::string> state(const std::vector<Found>& found) {
    std::map<std::string, std::string> state;
    for (const Found& batch : found) {
      if (!batch.is_sound) continue;
      const auto view = record::RecordBatchView::parse(as_bytes(batch.bytes)).value();
      auto reader = record::RecordReader::open(view).value();
      record::Record record;
      while (true) {
        const auto more = reader.next(record);
        if (!more || !*more) break;
        state[std::string(as_text(*record.key))] = as_text(*record.value);
      }
    }
    return state;
  }
};

TEST_F(DamagedBatchTest, StaysAsItIsAndTheRestIsCleaned) {
  const auto log = make_log("log", 40);
  damage("log", Offset(2), kCrcAt);
  damage("log", Offset(9), kMagicAt);  // not even its header can be read
  const auto before = batches("log");
  const std::uint64_t size_before = log->size_bytes();
  LogCleaner cleaner({.backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(seconds(5));
  EXPECT_EQ(cleaner.finished(), 1U);
  EXPECT_THAT(cleaner.uncleanable(), IsEmpty());
  EXPECT_EQ(shown(metrics::kUncleanablePartitionsCount), 0);
  EXPECT_EQ(shown(metrics::kDamagedBatchesCount), 2);
  EXPECT_LT(log->size_bytes(), size_before / 2);
  const auto after = batches("log");
  EXPECT_EQ(state(after), state(before));
  std::map<Offset, std::string> damaged;
  for (const Found& batch : after) {
    if (!batch.is_sound) damaged[batch.offset] = batch.bytes;
  }
  ASSERT_THAT(damaged, SizeIs(2));
  EXPECT_EQ(damaged[Offset(2)], before[2].bytes);
  EXPECT_EQ(damaged[Offset(9)], before[9].bytes);
  // More records come, and it is cleaned again around them.
  for (int i = 0; i < 40; ++i) append(*log, i);
  world_.run_for(seconds(5));
  EXPECT_EQ(cleaner.finished(), 2U);
  EXPECT_EQ(shown(metrics::kDamagedBatchesCount), 2);
  cleaner.stop();
}

TEST_F(DamagedBatchTest, RecordsThatBreakOffUnderAGoodCrcTakeNothingElseAway) {
  const auto log = make_log("log", 12);
  // The newest value of k0 and k1, and then a length that cannot be one.
  record::RecordBatchBuilder builder({});
  builder.append(2000, as_bytes("k0"), as_bytes("newer"));
  builder.append(2000, as_bytes("k1"), as_bytes("newer"));
  const SharedBuffer built = builder.build().value();
  std::string bytes(as_text(built->bytes()));
  const std::size_t second = bytes.find("k1");
  bytes[second - 5] = '\x7f';  // the second record's length
  auto* raw = reinterpret_cast<std::byte*>(bytes.data());
  auto broken = record::MutableRecordBatch::parse(MutableByteView(raw, bytes.size())).value();
  broken.refresh_crc();
  ASSERT_TRUE(log->append_as_leader(MutableByteView(raw, bytes.size()), LeaderEpoch(0)));
  for (int i = 0; i < 30; ++i) append(*log, 2);  // k2 only
  const auto before = batches("log");
  LogCleaner cleaner({.backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(seconds(5));
  EXPECT_EQ(cleaner.finished(), 1U);
  EXPECT_EQ(shown(metrics::kDamagedBatchesCount), 1);
  std::set<std::string> values_of_k0;
  std::size_t verbatim = 0;
  for (const Found& batch : batches("log")) {
    if (batch.bytes == before[12].bytes) {
      ++verbatim;
    } else if (batch.bytes.find("k0") != std::string::npos) {
      values_of_k0.insert(batch.bytes);
    }
  }
  EXPECT_EQ(verbatim, 1U);
  // The older one: who cannot read the damaged batch still finds a value.
  EXPECT_THAT(values_of_k0, SizeIs(1));
  cleaner.stop();
}

TEST_F(DamagedBatchTest, ALogWithoutFramingIsTriedAgainAndTheOthersGoOn) {
  const auto bad = make_log("bad", 40);
  const auto good = make_log("good", 20);
  damage("bad", Offset(2), kLengthAt + 3);
  LogCleaner cleaner({.backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(seconds(5));
  EXPECT_EQ(cleaner.finished(), 1U);
  ASSERT_THAT(cleaner.uncleanable(), SizeIs(1));
  EXPECT_EQ(cleaner.uncleanable()[0].partition, (TopicPartition{"bad", 0}));
  EXPECT_EQ(cleaner.uncleanable()[0].directory, "/a");
  EXPECT_EQ(cleaner.uncleanable()[0].attempts, 1);
  EXPECT_THAT(store_->offline_directories(), IsEmpty());
  EXPECT_EQ(shown(metrics::kUncleanablePartitionsCount), 1);
  EXPECT_GT(shown(metrics::kUncleanableBytes), 3000);
  EXPECT_LT(shown(metrics::kUncleanableBytes), static_cast<double>(bad->size_bytes()));
  EXPECT_LT(good->size_bytes(), 1500U);
  world_.run_for(seconds(30));
  EXPECT_EQ(cleaner.uncleanable()[0].attempts, 2);
  world_.run_for(minutes(14));
  EXPECT_EQ(cleaner.uncleanable()[0].attempts, 5);
  // Somebody repaired the file: no restart is needed.
  const auto file =
      files_.open(directory("bad") + "/00000000000000000000.log", env::OpenMode::ReadWrite);
  const std::size_t second = batches("bad")[0].bytes.size() * 2 + kLengthAt + 3;
  std::array<std::byte, 1> byte;
  ASSERT_TRUE((*file)->read_at(byte, second));
  byte[0] ^= std::byte{0x55};
  const ByteView piece = byte;
  ASSERT_TRUE((*file)->write_at(std::span(&piece, 1), second));
  world_.run_for(minutes(30));
  EXPECT_EQ(cleaner.finished(), 2U);
  EXPECT_THAT(cleaner.uncleanable(), IsEmpty());
  EXPECT_EQ(shown(metrics::kUncleanablePartitionsCount), 0);
  cleaner.stop();
}

TEST_F(DamagedBatchTest, AFullDiskIsWaitedFor) {
  const auto log = make_log("log", 40);
  const std::uint64_t before = log->size_bytes();
  files_.set_free_bytes(10);
  LogCleaner cleaner({.backoff = milliseconds(100)}, world());
  cleaner.start();
  world_.run_for(seconds(20));
  EXPECT_EQ(cleaner.finished(), 0U);
  ASSERT_THAT(cleaner.uncleanable(), SizeIs(1));
  EXPECT_EQ(cleaner.uncleanable()[0].attempts, 1);
  EXPECT_THAT(store_->offline_directories(), IsEmpty());
  files_.set_free_bytes(std::nullopt);
  world_.run_for(seconds(20));
  EXPECT_EQ(cleaner.finished(), 1U);
  EXPECT_THAT(cleaner.uncleanable(), IsEmpty());
  EXPECT_LT(log->size_bytes(), before / 2);
  cleaner.stop();
}

TEST_F(DamagedBatchTest, ALostAbortMarkerAbortsNoLaterTransaction) {
  const ProducerId producer(5);
  TransactionsInOrder transactions({{producer, Offset(0), Offset(1), Offset(0)}});
  const auto data = [&](Offset offset) {
    record::RecordBatchBuilder builder({.base_offset = offset,
                                        .producer_id = producer,
                                        .producer_epoch = ProducerEpoch(0),
                                        .base_sequence = 0,
                                        .transactional = true});
    builder.append(1, as_bytes("k"), as_bytes("v"));
    return builder.build().value();
  };
  const SharedBuffer aborted = data(Offset(0));
  EXPECT_TRUE(transactions.is_aborted(record::RecordBatchView::parse(aborted->bytes()).value()));
  const SharedBuffer later = data(Offset(2));  // its marker at 1 could not be read
  EXPECT_FALSE(transactions.is_aborted(record::RecordBatchView::parse(later->bytes()).value()));
}

TEST_F(DamagedBatchTest, RandomDamageLosesNoReadableValue) {
  env::SeededRandom random(7);
  for (int round = 0; round < 25; ++round) {
    const std::string topic = "t" + std::to_string(round);
    SCOPED_TRACE(topic);
    const auto log = make_log(topic, 0);
    for (int i = 0; i < 60; ++i) append(*log, static_cast<int>(random.below(7)));
    std::set<Offset> damaged;
    for (std::uint64_t i = 0; i < 1 + random.below(6); ++i) {
      const Offset offset(static_cast<std::int64_t>(random.below(40)));
      if (!damaged.insert(offset).second) continue;
      // Anywhere behind offset, length and leader epoch, which no CRC covers.
      damage(topic, offset, 16 + random.below(80),
             static_cast<std::uint8_t>(1 + random.below(255)));
    }
    const auto before = batches(topic);
    LogCleaner cleaner({.backoff = milliseconds(100)}, world());
    cleaner.start();
    world_.run_for(seconds(3));
    cleaner.stop();
    EXPECT_EQ(cleaner.finished(), 1U);
    const auto after = batches(topic);
    ASSERT_EQ(state(after), state(before));
    for (const Offset offset : damaged) {
      const auto is_it = [&](const Found& batch) { return batch.offset == offset; };
      const auto was = std::find_if(before.begin(), before.end(), is_it);
      const auto is = std::find_if(after.begin(), after.end(), is_it);
      ASSERT_NE(is, after.end());
      ASSERT_EQ(is->bytes, was->bytes);
    }
    ASSERT_TRUE(store_->remove({topic, 0}, milliseconds(0)));
  }
}

}  // namespace
}  // namespace ottla::storage
