// Opening and cutting logs with batches that cannot be read: the rest of the log stays in use, and
// so do the other logs of the log dir.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "broker/storage/compaction.h"
#include "broker/storage/file_names.h"
#include "broker/storage/log.h"
#include "common/record/control_record.h"
#include "common/record/record_batch_builder.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kOffsetAt = 0;

/// One batch as it stands in the files.
struct Found {
  std::string file;
  std::size_t position = 0;
  std::string bytes;
};

class DamagedOpenTest : public ::testing::Test {
 protected:
  explicit DamagedOpenTest(std::uint64_t seed = 1) : files_(seed, &world_.clock()) {
    config_->segment_bytes = 1500;
    config_->index_interval_bytes = 300;
    config_->index_max_bytes = 600;
    config_->retention_age.reset();
    config_->cleanup_compact = true;
    config_->cleanup_delete = false;
    EXPECT_TRUE(files_.create_directories("/d"));
    EXPECT_TRUE(files_.sync_directory("/"));
    reopen(ShutdownKind::Clean);
  }

  void reopen(ShutdownKind shutdown) {
    log_ = nullptr;
    executor_ = world_.make_executor();
    deletions_ = std::make_unique<DeferredDeletion>(files_, *executor_);
    health_ = std::make_unique<LogHealth>("/d", *executor_, nullptr);
    auto log = Log::open({.files = files_,
                          .clock = world_.clock(),
                          .executor = *executor_,
                          .health = *health_,
                          .deletions = *deletions_},
                         {.directory = "/d/t-0",
                          .partition = {"t", 0},
                          .config = config_,
                          .recovery_point = recovery_point_,
                          .shutdown = shutdown});
    ASSERT_TRUE(log) << log.error();
    log_ = *log;
  }

  void append(int count) {
    for (int i = 0; i < count; ++i) {
      record::RecordBatchBuilder builder({});
      ++appended_;
      builder.append(1000 + appended_, as_bytes("k" + std::to_string(appended_ % 3)),
                     as_bytes(std::string(100, 'v') + std::to_string(10'000 + appended_)));
      ASSERT_TRUE(log_->append_as_leader(builder.build().value()->bytes(), LeaderEpoch(0)));
    }
  }

  void flush() {
    ASSERT_TRUE(log_->flush());
    recovery_point_ = log_->recovery_point();
  }

  /// All batches of the log's files, told apart by their framing alone.
  [[nodiscard]] std::map<Offset, Found> batches() const {
    std::map<Offset, Found> all;
    for (const std::string& name : files_.names("/d/t-0")) {
      if (!name.ends_with(".log")) continue;
      const std::string content = files_.content("/d/t-0/" + name).value();
      for (std::size_t at = 0; at + record::kLogOverhead <= content.size();) {
        const auto* raw = reinterpret_cast<const std::byte*>(content.data() + at);
        const std::size_t size =
            record::kLogOverhead + static_cast<std::size_t>(load_big_endian<std::int32_t>(raw + 8));
        if (size < record::kMinMessageSizeV0 || at + size > content.size()) break;
        all[Offset(load_big_endian<std::int64_t>(raw + kOffsetAt))] = {"/d/t-0/" + name, at,
                                                                       content.substr(at, size)};
        at += size;
      }
    }
    return all;
  }

  void overwrite(const std::string& path, std::size_t position, const std::string& bytes) {
    const auto file = files_.open(path, env::OpenMode::ReadWrite).value();
    const ByteView piece = as_bytes(bytes);
    ASSERT_TRUE(file->write_at(std::span(&piece, 1), position));
    ASSERT_TRUE(file->sync());
  }
  /// A header that cannot be one, its framing left whole.
  void damage(Offset offset) {
    const Found batch = batches().at(offset);
    overwrite(batch.file, batch.position + kMagicAt, "\x55");
  }
  /// Zeros to the end of the segment, from within the batch's header on.
  void tear(Offset offset) {
    const Found batch = batches().at(offset);
    const std::size_t from = batch.position + 4;
    overwrite(batch.file, from, std::string(files_.content(batch.file)->size() - from, '\0'));
  }

  [[nodiscard]] bool can_read(Offset offset) const {
    const auto data = log_->read(offset, {.max_bytes = 1});
    if (!data) return false;
    const SharedBuffer bytes = read_slice(data->records).value();
    const auto batch = record::RecordBatchView::parse(bytes->bytes());
    return batch && batch->validate_crc() && batch->last_offset() >= offset;
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_;
  std::unique_ptr<env::Executor> executor_;
  std::unique_ptr<DeferredDeletion> deletions_;
  std::unique_ptr<LogHealth> health_;
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  std::shared_ptr<Log> log_;
  Offset recovery_point_{0};
  int appended_ = 0;
};

/// Compaction of a log with damaged batches, and a crash after so many operations of it.
class DamagedSwap : public DamagedOpenTest {
 public:
  explicit DamagedSwap(std::uint64_t seed) : DamagedOpenTest(seed) {}
  void TestBody() override {}

  /// False: it was over before.
  bool run(std::uint64_t stop_after, bool host) {
    append(35);
    flush();
    const std::vector<Offset> bad = {Offset(5), Offset(6), Offset(14)};
    std::map<Offset, std::string> damaged;
    for (const Offset offset : bad) damage(offset);
    for (const Offset offset : bad) damaged[offset] = batches().at(offset).bytes;
    files_.stop_after(stop_after);
    const bool is_done = compact();
    if (host) {
      files_.crash_host();
    } else {
      files_.crash_process();
    }
    log_ = nullptr;
    reopen(host ? ShutdownKind::HostCrash : ShutdownKind::ProcessCrash);
    if (HasFailure()) return false;
    EXPECT_EQ(log_->log_end_offset(), Offset(35));
    EXPECT_TRUE(health_->is_online());
    const auto after = batches();
    for (const auto& [offset, bytes] : damaged) {
      EXPECT_TRUE(after.contains(offset) && after.at(offset).bytes == bytes) << offset;
    }
    for (int i = 32; i < 35; ++i) EXPECT_TRUE(can_read(Offset(i))) << i;  // the last of each key
    append(3);
    EXPECT_TRUE(log_->flush());
    return !is_done && !HasFailure();
  }

 private:
  bool compact() {
    const auto facts = facts_of(*log_, log_->log_end_offset(), std::nullopt);
    if (!facts) return false;
    OffsetMap map(24 * 1000, 0.9, random_);
    Compaction compaction(files_, world_.clock(), log_, *facts,
                          cleanable_part(*facts, *config_, world_.clock().wall_now_ms()), map);
    while (true) {
      const auto step = compaction.step(1 << 20);
      if (!step) return false;
      if (step->is_done) return !files_.is_stopped();
    }
  }

  env::SeededRandom random_{1};
};

TEST(DamagedSwapTest, ACrashAtAnyPointLosesNothingThatCanBeRead) {
  for (const bool host : {false, true}) {
    for (std::uint64_t operations = 1; operations < 200; ++operations) {
      SCOPED_TRACE((host ? "host, " : "process, ") + std::to_string(operations) + " operations");
      if (!DamagedSwap(operations).run(operations, host)) break;
      ASSERT_LT(operations, 199U);
    }
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

TEST_F(DamagedOpenTest, ATornTailBelowTheRecoveryPointTakesNothingElseAway) {
  append(35);
  const auto all = batches();
  // The last batches of the second segment, which ends at the recovery point.
  Offset first_of_third{0};
  for (const auto& [offset, batch] : all) {
    if (batch.position == 0 && offset > Offset(0)) first_of_third = offset;
  }
  recovery_point_ = first_of_third;
  ASSERT_TRUE(log_->flush());
  tear(first_of_third + -2);
  const std::uint64_t size = log_->size_bytes();
  for (const ShutdownKind shutdown : {ShutdownKind::ProcessCrash, ShutdownKind::HostCrash}) {
    SCOPED_TRACE(name_of(shutdown));
    files_.crash_process();
    log_ = nullptr;
    // After a host crash what ends at the recovery point is read as a whole, and cut.
    if (shutdown == ShutdownKind::HostCrash) recovery_point_ = first_of_third.next();
    reopen(shutdown);
    ASSERT_TRUE(log_);
    EXPECT_EQ(log_->log_end_offset(), Offset(35));
    EXPECT_EQ(log_->size_bytes(), size);
    EXPECT_TRUE(can_read(first_of_third));
    EXPECT_TRUE(can_read(first_of_third + -3));
    EXPECT_EQ(log_->read(first_of_third + -2, {}).error().code(), ErrorCode::CorruptMessage);
    EXPECT_TRUE(health_->is_online());
  }
}

TEST_F(DamagedOpenTest, ACutBehindADamagedBatchIsMade) {
  append(30);
  damage(Offset(13));
  EXPECT_TRUE(can_read(Offset(14)));
  ASSERT_TRUE(log_->truncate_to(Offset(15)));
  EXPECT_EQ(log_->log_end_offset(), Offset(15));
  EXPECT_TRUE(can_read(Offset(14)));
  append(3);
  EXPECT_TRUE(can_read(Offset(15)));
  EXPECT_TRUE(health_->is_online());
}

TEST_F(DamagedOpenTest, ACutAtADamagedBatchTakesItAway) {
  append(30);
  damage(Offset(13));
  ASSERT_TRUE(log_->truncate_to(Offset(13)));
  EXPECT_EQ(log_->log_end_offset(), Offset(13));
  append(3);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(can_read(Offset(i))) << i;
  ASSERT_TRUE(log_->close());
  reopen(ShutdownKind::Clean);
  EXPECT_EQ(log_->log_end_offset(), Offset(16));
}

TEST_F(DamagedOpenTest, ACutBehindATornPlaceGoesBackToIt) {
  append(30);
  const auto all = batches();
  tear(Offset(12));
  ASSERT_TRUE(log_->truncate_to(Offset(15)));
  EXPECT_EQ(log_->log_end_offset(), Offset(12));
  append(3);
  for (int i = 0; i < 15; ++i) EXPECT_TRUE(can_read(Offset(i))) << i;
}

TEST_F(DamagedOpenTest, AnIndexIsRebuiltAroundDamageAndNothingIsCut) {
  append(35);
  damage(Offset(4));
  const auto before = batches();
  ASSERT_TRUE(log_->close());
  log_ = nullptr;
  ASSERT_TRUE(files_.remove("/d/t-0/00000000000000000000.index"));
  reopen(ShutdownKind::Clean);
  EXPECT_EQ(batches().size(), before.size());
  EXPECT_EQ(log_->recovery().bytes_truncated, 0U);
  for (int i = 0; i < 35; ++i) EXPECT_EQ(can_read(Offset(i)), i != 4) << i;
  EXPECT_GT(log_->all_segments().front()->offset_index().file().count(), 1U);
}

TEST_F(DamagedOpenTest, ATornSegmentWithoutIndexKeepsItsBytes) {
  append(35);
  tear(Offset(4));
  const std::uint64_t size = log_->size_bytes();
  ASSERT_TRUE(log_->close());
  log_ = nullptr;
  ASSERT_TRUE(files_.remove("/d/t-0/00000000000000000000.timeindex"));
  reopen(ShutdownKind::Clean);
  EXPECT_EQ(log_->size_bytes(), size);
  EXPECT_TRUE(can_read(Offset(3)));
  EXPECT_EQ(log_->read(Offset(5), {}).error().code(), ErrorCode::CorruptMessage);
  EXPECT_TRUE(can_read(Offset(20)));
  EXPECT_EQ(log_->log_end_offset(), Offset(35));
}

TEST_F(DamagedOpenTest, ACleanLogIsNotCutForADamagedBatchInItsLastSegment) {
  append(5);
  damage(Offset(2));
  ASSERT_TRUE(log_->close());
  reopen(ShutdownKind::Clean);
  EXPECT_EQ(log_->log_end_offset(), Offset(5));
  EXPECT_TRUE(can_read(Offset(3)));
}

// The marker is in another segment than the transaction's begin, whose snapshot is gone.
TEST_F(DamagedOpenTest, ARebuiltIndexKnowsAbortsOfEarlierTransactions) {
  record::RecordBatchBuilder builder({.producer_id = ProducerId(9),
                                      .producer_epoch = ProducerEpoch(0),
                                      .base_sequence = 0,
                                      .transactional = true});
  builder.append(1000, as_bytes("k"), as_bytes("v"));
  ASSERT_TRUE(log_->append_as_leader(builder.build().value()->bytes(), LeaderEpoch(0)));
  ASSERT_TRUE(log_->roll());
  const Offset second = log_->log_end_offset();
  const SharedBuffer marker = record::build_end_transaction_marker(
      ProducerId(9), ProducerEpoch(0), {.type = record::ControlType::Abort, .coordinator_epoch = 1},
      1000);
  ASSERT_TRUE(log_->append_as_leader(marker->bytes(), LeaderEpoch(0), AppendOrigin::Coordinator));
  ASSERT_TRUE(log_->roll());
  append(2);
  const auto told = [&] {
    return log_->aborted_transactions(log_->read(Offset(0), {}).value()).value();
  };
  ASSERT_EQ(told().size(), 1U);
  ASSERT_TRUE(log_->close());
  log_ = nullptr;
  const std::string base = segment_path("/d/t-0", second, "");
  ASSERT_TRUE(files_.remove(base + ".index"));
  ASSERT_TRUE(files_.remove(base + ".txnindex"));
  ASSERT_TRUE(files_.remove(base + ".snapshot"));
  reopen(ShutdownKind::Clean);
  EXPECT_EQ(told().size(), 1U);
}

}  // namespace
}  // namespace ottla::storage
