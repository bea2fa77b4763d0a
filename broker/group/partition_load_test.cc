#include "broker/group/partition_load.h"

#include <gtest/gtest.h>

#include <array>

#include "broker/group/log_batch.h"
#include "broker/storage/segment.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::group {
namespace {

/// A log of many small segments with offsets of ten groups.
class PartitionLoadTest : public ::testing::Test {
 protected:
  static constexpr int kCommits = 500;

  PartitionLoadTest() {
    config_->segment_bytes = 2'000;
    config_->retention_age = std::nullopt;
    EXPECT_TRUE(files_.create_directories("/d"));
    auto log = storage::Log::open(environment_, {.directory = "/d/__consumer_offsets-0",
                                                 .partition = {kOffsetsTopic, 0},
                                                 .config = config_});
    EXPECT_TRUE(log) << log.error();
    log_ = *log;
    for (int i = 0; i < kCommits; ++i) commit(i);
    EXPECT_GT(log_->segment_count(), 10u);
  }

  void commit(int number) {
    const auto record =
        offset_record("g" + std::to_string(number % 10), {"t", 0}, {.offset = Offset(number)});
    const auto batch = build_batch({*record}, record::Codec::None, 1);
    EXPECT_TRUE(log_->append_as_leader((*batch)->bytes(), LeaderEpoch(3)));
  }

  /// Runs the load; `between` runs before each task of the pool.
  Result<PartitionLoad::Outcome> load(
      std::uint64_t buffer, int& tasks, const std::function<void()>& between = [] {},
      PartitionLoad::Torn torn = PartitionLoad::Torn::Fail) {
    std::optional<Result<PartitionLoad::Outcome>> outcome;
    std::make_shared<PartitionLoad>(
        log_, PartitionLoad::Options{.buffer_bytes = buffer, .torn = torn}, *executor_)
        ->start([&](Result<PartitionLoad::Outcome> told) { outcome = std::move(told); });
    for (tasks = 0; !outcome; ++tasks) {
      between();
      EXPECT_TRUE(world_.step());
      if (tasks > 10'000) ADD_FAILURE() << "never ends";
      if (tasks > 10'000) break;
    }
    return *std::move(outcome);
  }

  /// Flips bits of the batch with this offset, `at` bytes into it.
  void damage(Offset offset, std::uint64_t at) {
    for (const auto& segment : log_->all_segments()) {
      const auto found = segment->find_batch(offset, segment->size());
      if (!found || !*found || segment->base_offset() > offset) continue;
      std::array<std::byte, 1> byte;
      EXPECT_TRUE(segment->file()->read_at(byte, (*found)->position + at));
      byte[0] ^= std::byte{0x55};
      const ByteView piece = byte;
      EXPECT_TRUE(segment->file()->write_at(std::span(&piece, 1), (*found)->position + at));
      return;
    }
    FAIL() << "no batch at " << offset;
  }

  testing::SimulatedWorld world_{1};
  testing::SimulatedFileSystem files_{1, &world_.clock()};
  std::unique_ptr<env::Executor> executor_ = world_.make_executor();
  storage::DeferredDeletion deletions_{files_, *executor_};
  storage::LogHealth health_{"/d", *executor_, nullptr};
  storage::LogEnvironment environment_{files_, world_.clock(), *executor_, health_, deletions_};
  std::shared_ptr<storage::LogConfig> config_ = std::make_shared<storage::LogConfig>();
  std::shared_ptr<storage::Log> log_;
};

TEST_F(PartitionLoadTest, ReadsAllSegmentsABufferAtATime) {
  int tasks = 0;
  const auto outcome = load(500, tasks);
  ASSERT_TRUE(outcome) << outcome.error();
  EXPECT_EQ(outcome->records, kCommits);
  EXPECT_EQ(outcome->walked.end, Offset(kCommits));
  EXPECT_GT(tasks, 50) << "others have their turns between two buffers";
  ASSERT_EQ(outcome->groups.size(), 10u);
  for (int g = 0; g < 10; ++g) {
    const auto& group = outcome->groups.at("g" + std::to_string(g));
    EXPECT_EQ(group->offsets.find({"t", 0})->committed.offset, Offset(kCommits - 10 + g));
  }
}

TEST_F(PartitionLoadTest, ABatchLargerThanTheBufferStillPasses) {
  int tasks = 0;
  const auto outcome = load(1, tasks);
  ASSERT_TRUE(outcome) << outcome.error();
  EXPECT_EQ(outcome->records, kCommits);
}

TEST_F(PartitionLoadTest, StopsWhereTheLogEndedAtTheElection) {
  int tasks = 0;
  const auto outcome = load(500, tasks, [&] { commit(100'000); });
  ASSERT_TRUE(outcome) << outcome.error();
  EXPECT_EQ(outcome->walked.end, Offset(kCommits));
  EXPECT_EQ(outcome->records, kCommits);
}

TEST_F(PartitionLoadTest, GoesOnWhenTheLogsBeginIsTakenAway) {
  int tasks = 0;
  const auto outcome = load(500, tasks, [&] {
    if (tasks == 5) {
      EXPECT_TRUE(log_->raise_log_start_offset(Offset(400), Offset(kCommits)));
      EXPECT_TRUE(log_->delete_old_segments(Offset(kCommits)));
    }
  });
  ASSERT_TRUE(outcome) << outcome.error();
  EXPECT_LT(outcome->records, kCommits);
  EXPECT_EQ(outcome->groups.at("g9")->offsets.find({"t", 0})->committed.offset,
            Offset(kCommits - 1));
}

TEST_F(PartitionLoadTest, ADamagedBatchTakesNothingElseAway) {
  damage(Offset(kCommits - 10), 30);  // the last one of g0
  damage(Offset(77), 16);             // its header cannot be read
  int tasks = 0;
  const auto outcome = load(500, tasks);
  ASSERT_TRUE(outcome) << outcome.error();
  EXPECT_EQ(outcome->walked.damaged_batches, 2U);
  EXPECT_EQ(outcome->walked.torn_segments, 0U);
  EXPECT_EQ(outcome->records, kCommits - 2U);
  EXPECT_EQ(outcome->groups.at("g0")->offsets.find({"t", 0})->committed.offset,
            Offset(kCommits - 20));
  EXPECT_EQ(outcome->groups.at("g1")->offsets.find({"t", 0})->committed.offset,
            Offset(kCommits - 9));
}

TEST_F(PartitionLoadTest, ATornSegmentFailsTheLoadOrIsLeftOut) {
  damage(Offset(100), 9);  // a length that leads nowhere
  int tasks = 0;
  const auto failed = load(500, tasks);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::CorruptMessage);
  const auto outcome = load(500, tasks, [] {}, PartitionLoad::Torn::LeaveOut);
  ASSERT_TRUE(outcome) << outcome.error();
  EXPECT_EQ(outcome->walked.torn_segments, 1U);
  EXPECT_GT(outcome->records, kCommits - 40U);
  EXPECT_LT(outcome->records, static_cast<std::uint64_t>(kCommits));
  EXPECT_EQ(outcome->walked.end, Offset(kCommits));
}

TEST_F(PartitionLoadTest, ALogThatIsCutMeanwhileIsNotDamaged) {
  int tasks = 0;
  const auto outcome = load(500, tasks, [&] {
    if (tasks == 5) {
      EXPECT_TRUE(log_->truncate_to(Offset(50)));
    }
  });
  ASSERT_TRUE(!outcome || outcome->walked.torn_segments == 0);
  EXPECT_TRUE(outcome || outcome.error().code() == ErrorCode::OffsetOutOfRange);
}

TEST_F(PartitionLoadTest, AnEmptyLogHasNoGroups) {
  ASSERT_TRUE(log_->truncate_fully_and_start_at(Offset(7)));
  int tasks = 0;
  const auto outcome = load(500, tasks);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->groups.empty());
  EXPECT_EQ(outcome->walked.end, Offset(7));
}

}  // namespace
}  // namespace ottla::group
