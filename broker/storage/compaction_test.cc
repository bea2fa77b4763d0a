// Compaction: the plan, the table of keys, and random lives of a compacted log with crashes at any
// point: who reads it from the beginning ends with the same values as who had read all records.
#include "broker/storage/compaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>

#include "common/record/control_record.h"
#include "common/record/record_batch_builder.h"
#include "common/record/records.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

using ::testing::ElementsAre;

// The plan.

LogFacts facts(std::vector<SegmentFacts> segments) {
  LogFacts log;
  log.segments = std::move(segments);
  log.log_end_offset = Offset(100);
  log.last_stable_offset = Offset(100);
  return log;
}

TEST(CompactionPlan, LeavesTheActiveSegmentAndUndecidedTransactionsAlone) {
  LogConfig config;
  auto log = facts({{Offset(0), 100}, {Offset(40), 300}, {Offset(80), 100}});
  log.cleaner_point = Offset(40);
  Cleanable part = cleanable_part(log, config, 0);
  EXPECT_EQ(part.first_dirty, Offset(40));
  EXPECT_EQ(part.first_uncleanable, Offset(80));
  EXPECT_EQ(part.clean_bytes, 100U);
  EXPECT_EQ(part.dirty_bytes, 300U);
  EXPECT_TRUE(is_worth_cleaning(part, config));
  log.last_stable_offset = Offset(30);
  part = cleanable_part(log, config, 0);
  EXPECT_EQ(part.dirty_bytes, 0U);
  EXPECT_FALSE(is_worth_cleaning(part, config));
}

TEST(CompactionPlan, YoungRecordsWaitAndOldOnesDoNot) {
  LogConfig config;
  config.min_compaction_lag = std::chrono::milliseconds(50);
  const auto log = facts(
      {{.base_offset = Offset(0), .bytes = 900, .largest_timestamp = 10},
       {.base_offset = Offset(40), .bytes = 100, .largest_timestamp = 60, .first_timestamp = 50},
       {.base_offset = Offset(80), .bytes = 5}});
  EXPECT_EQ(cleanable_part(log, config, 100).first_uncleanable, Offset(40));
  EXPECT_EQ(cleanable_part(log, config, 200).first_uncleanable, Offset(80));
  auto mostly_clean = log;
  mostly_clean.cleaner_point = Offset(40);
  EXPECT_FALSE(is_worth_cleaning(cleanable_part(mostly_clean, config, 200), config));
  config.max_compaction_lag_ms = 100;
  EXPECT_TRUE(is_worth_cleaning(cleanable_part(mostly_clean, config, 200), config));
}

TEST(CompactionPlan, APointOutsideTheLogCountsForNothing) {
  auto log = facts({{Offset(20), 100}, {Offset(80), 100}});
  log.log_start_offset = Offset(20);
  for (const std::int64_t point : {5, 101}) {
    log.cleaner_point = Offset(point);
    EXPECT_EQ(cleanable_part(log, {}, 0).first_dirty, Offset(20));
  }
}

TEST(CompactionPlan, SmallNeighboursBecomeOne) {
  LogConfig config;
  config.segment_bytes = 100;
  const std::vector<SegmentFacts> segments = {{Offset(0), 60},
                                              {Offset(10), 40},
                                              {Offset(20), 10},
                                              {Offset(30), 95},
                                              {Offset(5'000'000'000), 1}};
  EXPECT_THAT(group_segments(segments, Offset(5'000'000'001), config), ElementsAre(2, 1, 1, 1));
}

// The table of keys.

TEST(OffsetMap, HashesAsSipHashDoes) {
  constexpr std::uint64_t kLow = 0x0706050403020100ULL;
  constexpr std::uint64_t kHigh = 0x0f0e0d0c0b0a0908ULL;
  // The first of the reference implementation's vectors; it and 15 bytes by another program.
  EXPECT_EQ(sip_hash_128(kLow, kHigh, {}), (Hash128{0xe6a825ba047f81a3ULL, 0x930255c71472f66dULL}));
  std::array<std::byte, 15> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(sip_hash_128(kLow, kHigh, bytes),
            (Hash128{0x11a8b03399e99354ULL, 0xd9c3cf970fec087eULL}));
}

TEST(OffsetMap, KeepsTheNewestOffsetUntilItIsFull) {
  env::SeededRandom random(1);
  OffsetMap map(24 * 100, 0.9, random);
  EXPECT_EQ(map.capacity(), 90U);
  for (int i = 0; i < 90; ++i) ASSERT_TRUE(map.put(as_bytes(std::to_string(i)), Offset(i)));
  EXPECT_FALSE(map.put(as_bytes("one more"), Offset(90)));
  EXPECT_TRUE(map.put(as_bytes("7"), Offset(91)));
  EXPECT_EQ(map.get(as_bytes("7")), Offset(91));
  EXPECT_EQ(map.get(as_bytes("8")), Offset(8));
  EXPECT_EQ(map.get(as_bytes("no such key")), Offset(-1));
  map.clear();
  EXPECT_EQ(map.get(as_bytes("8")), Offset(-1));
}

// Random lives.

struct ModelRecord {
  std::string key;
  std::optional<std::string> value;
};
struct ModelBatch {
  Offset end;
  bool transactional = false;
  std::optional<bool> commit;  ///< Of a marker.
  std::vector<ModelRecord> records;
};
using State = std::map<std::string, std::string>;

class CompactedLife {
 public:
  /// `deletes`: cleanup.policy=compact,delete.
  explicit CompactedLife(std::uint64_t seed, bool deletes = false)
      : world_(seed), random_(seed * 13 + 5), files_(seed, &world_.clock()) {
    config_->segment_bytes = 900;
    config_->index_interval_bytes = 120;
    config_->index_max_bytes = 600;
    config_->retention_age.reset();
    config_->cleanup_delete = deletes;
    if (deletes) config_->retention_age = std::chrono::milliseconds(500 + random_.below(1500));
    config_->cleanup_compact = true;
    config_->delete_retention = std::chrono::milliseconds(random_.below(2) * 500);
    config_->file_delete_delay = std::chrono::milliseconds(100);
    EXPECT_TRUE(files_.create_directories("/d"));
    EXPECT_TRUE(files_.sync_directory("/"));
  }

  void run(int steps) {
    open(ShutdownKind::Clean);
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      if (random_.below(30) == 0) files_.stop_after(1 + random_.below(40));
      step();
      if (files_.is_stopped() || random_.below(80) == 0) crash();
    }
    crash();
    is_ending_ = true;
    while (!::testing::Test::HasFailure()) {
      if (!clean(1 << 20)) break;
    }
    check();
  }
  [[nodiscard]] std::uint64_t bytes_saved() const { return bytes_saved_; }
  [[nodiscard]] int segments_deleted() const { return segments_deleted_; }
  [[nodiscard]] int runs_lost() const { return runs_lost_; }

 private:
  void open(ShutdownKind shutdown) {
    executor_ = world_.make_executor();
    deletions_ = std::make_unique<DeferredDeletion>(files_, *executor_);
    health_ = std::make_unique<LogHealth>("/d", *executor_, nullptr);
    auto log = Log::open(
        {.files = files_,
         .clock = world_.clock(),
         .executor = *executor_,
         .health = *health_,
         .deletions = *deletions_,
         .lower_recovery_checkpoint = [this](const TopicPartition&, Offset offset) -> Result<> {
           recovery_ = std::min(recovery_, offset);
           return {};
         }},
        {.directory = "/d/t-0",
         .partition = {"t", 0},
         .config = config_,
         .log_start_offset = start_,
         .recovery_point = recovery_,
         .shutdown = shutdown});
    ASSERT_TRUE(log) << log.error();
    log_ = *log;
  }

  void step() {
    switch (random_.below(10)) {
      case 0:
        if (log_->flush()) flushed_ = log_->recovery_point();
        break;
      case 1:
        recovery_ = log_->recovery_point();
        world_.run_for(std::chrono::milliseconds(random_.below(400)));
        flushed_ = std::max(flushed_, log_->recovery_point());
        break;
      case 2:
        (void)clean(random_.below(2000));
        break;
      case 3:
        if (has_open_transaction()) end_transaction();
        break;
      case 4:
        if (config_->cleanup_delete) delete_old();
        break;
      default:
        append();
    }
  }

  /// As the LogStore does it.
  void delete_old() {
    const auto retired = log_->retire_old_segments(log_->log_end_offset());
    if (!retired || *retired == 0) return;
    segments_deleted_ += *retired;
    start_ = log_->log_start_offset();
    (void)log_->delete_retired_segments();
  }

  [[nodiscard]] bool has_open_transaction() const {
    bool open = false;
    for (const auto& [base, batch] : model_) {
      if (batch.commit) {
        open = false;
      } else if (batch.transactional) {
        open = true;
      }
    }
    return open;
  }

  void append() {
    ModelBatch model;
    model.transactional = random_.below(4) == 0;
    record::BatchOptions options;
    options.codec = random_.below(3) == 0 ? record::Codec::Zstd : record::Codec::None;
    if (model.transactional) {
      options.producer_id = ProducerId(5);
      options.producer_epoch = ProducerEpoch(0);
      options.base_sequence = next_sequence();
      options.transactional = true;
    }
    record::RecordBatchBuilder builder(options);
    const int records = 1 + static_cast<int>(random_.below(3));
    for (int i = 0; i < records; ++i) {
      ModelRecord record;
      record.key = "k" + std::to_string(random_.below(9));
      if (random_.below(4) != 0) record.value = std::string(random_.below(60), 'v') + unique();
      builder.append(world_.clock().wall_now_ms(), as_bytes(record.key),
                     record.value ? std::optional(as_bytes(*record.value)) : std::nullopt);
      model.records.push_back(std::move(record));
    }
    const SharedBuffer batch = builder.build().value();
    note(log_->append_as_leader(batch->bytes(), LeaderEpoch(1)), std::move(model), records);
  }

  void end_transaction() {
    ModelBatch model;
    model.commit = random_.below(2) == 0;
    const SharedBuffer marker = record::build_end_transaction_marker(
        ProducerId(5), ProducerEpoch(0),
        {.type = *model.commit ? record::ControlType::Commit : record::ControlType::Abort,
         .coordinator_epoch = 1},
        world_.clock().wall_now_ms());
    note(log_->append_as_leader(marker->bytes(), LeaderEpoch(1), AppendOrigin::Coordinator),
         std::move(model), 1);
  }

  void note(const Result<AppendInfo>& appended, ModelBatch model, int records) {
    if (!appended) {
      ASSERT_TRUE(files_.is_stopped()) << appended.error();
      maybe_base_ = log_->log_end_offset();
      model.end = maybe_base_ + records;
      maybe_ = std::move(model);
      return;
    }
    ASSERT_FALSE(appended->is_duplicate);
    model.end = appended->log_end_offset;
    model_[appended->base_offset] = std::move(model);
  }

  [[nodiscard]] std::int32_t next_sequence() const {
    std::int32_t next = 0;
    for (const auto& [base, batch] : model_) {
      if (batch.transactional) next += static_cast<std::int32_t>(batch.records.size());
    }
    return next;
  }

  /// One run of the cleaner; false if there was nothing to do.
  bool clean(std::uint64_t budget) {
    const auto facts = facts_of(*log_, std::min(flushed_, log_->log_end_offset()), point_);
    if (!facts) return false;
    const Cleanable cleanable = cleanable_part(*facts, *config_, world_.clock().wall_now_ms());
    if (cleanable.dirty_bytes == 0) return false;
    if (!log_->flush()) return false;
    flushed_ = recovery_ = log_->recovery_point();
    OffsetMap map(random_.below(3) == 0 ? 24 * 7 : 24 * 1000, 0.9, random_);
    Compaction compaction(files_, world_.clock(), log_, *facts, cleanable, map);
    while (true) {
      const auto step = compaction.step(budget);
      if (!step) {
        EXPECT_TRUE(files_.is_stopped()) << step.error();
        return false;
      }
      if (step->is_done) break;
      if (!is_ending_ && random_.below(6) == 0 && !files_.is_stopped()) append();
      if (!is_ending_ && config_->cleanup_delete && random_.below(6) == 0) {
        world_.run_for(std::chrono::milliseconds(random_.below(400)));
        delete_old();
      }
      if (::testing::Test::HasFailure()) return false;
    }
    if (compaction.cleaned_to()) {
      EXPECT_GT(*compaction.cleaned_to(), cleanable.first_dirty);
      point_ = *compaction.cleaned_to();
    } else {
      ++runs_lost_;
    }
    bytes_saved_ += compaction.bytes_before() - compaction.bytes_after();
    return true;
  }

  void crash() {
    const bool host = random_.below(2) == 0;
    if (host) {
      files_.crash_host();
    } else {
      files_.crash_process();
    }
    executor_ = nullptr;
    const Offset before = model_.empty() ? Offset(0) : model_.rbegin()->second.end;
    log_ = nullptr;
    open(host ? ShutdownKind::HostCrash : ShutdownKind::ProcessCrash);
    if (!log_) return;
    const Offset end = log_->log_end_offset();
    if (maybe_ && end == maybe_->end) model_[maybe_base_] = *maybe_;
    maybe_.reset();
    ASSERT_GE(end, flushed_);
    if (!host) {
      ASSERT_GE(end, before);
    }
    model_.erase(model_.lower_bound(end), model_.end());
    ASSERT_EQ(end, model_.empty() ? Offset(0) : model_.rbegin()->second.end);
    check();
    if (point_ && *point_ > end) point_.reset();
    if (log_->flush()) flushed_ = recovery_ = log_->recovery_point();
  }

  /// Batches of aborted transactions, by base offset; an open one counts as committed to come.
  [[nodiscard]] std::map<Offset, bool> aborted() const {
    std::map<Offset, bool> result;
    std::vector<Offset> open;
    for (const auto& [base, batch] : model_) {
      if (batch.transactional) open.push_back(base);
      if (!batch.commit) continue;
      for (const Offset offset : open) result[offset] = !*batch.commit;
      open.clear();
    }
    return result;
  }

  void check() {
    if (::testing::Test::HasFailure() || files_.is_stopped()) return;
    const auto is_aborted = aborted();
    State wanted;
    for (const auto& [base, batch] : model_) {
      const auto known = is_aborted.find(base);
      if (known != is_aborted.end() && known->second) continue;
      for (std::size_t i = 0; i < batch.records.size(); ++i) {
        if (base + static_cast<std::int64_t>(i) < log_->log_start_offset()) continue;
        apply(wanted, batch.records[i]);
      }
    }
    State found;
    Offset at = log_->log_start_offset();
    Offset last = at + -1;
    std::map<std::string, int> clean_copies;
    while (at < log_->log_end_offset()) {
      const auto data = log_->read(at, {.max_bytes = 500});
      ASSERT_TRUE(data) << data.error();
      const SharedBuffer bytes = read_slice(data->records).value();
      if (bytes->bytes().empty()) break;
      record::BatchIterator batches(bytes->bytes());
      while (const auto batch = batches.next().value()) {
        at = batch->next_offset();
        ASSERT_TRUE(batch->validate_crc());
        if (batch->is_control()) continue;
        auto reader = record::RecordReader::open(*batch).value();
        record::Record record;
        while (reader.next(record).value()) {
          ASSERT_GT(record.offset, last);
          last = record.offset;
          const auto origin = std::prev(model_.upper_bound(record.offset));
          ASSERT_LT(record.offset, origin->second.end);
          const auto number = static_cast<std::size_t>(record.offset - origin->first);
          const ModelRecord& expected = origin->second.records.at(number);
          ASSERT_EQ(as_text(*record.key), expected.key);
          ASSERT_EQ(record.value.has_value(), expected.value.has_value());
          if (record.value) {
            ASSERT_EQ(as_text(*record.value), *expected.value);
          }
          const auto known = is_aborted.find(origin->first);
          if (known != is_aborted.end() && known->second) {
            check_told_as_aborted(*data, origin->first);
            continue;
          }
          apply(found, expected);
          if (point_ && record.offset < *point_) ++clean_copies[expected.key];
        }
      }
    }
    ASSERT_EQ(found, wanted);
    for (const auto& [key, copies] : clean_copies) EXPECT_EQ(copies, 1) << key;
    check_sequence();
  }

  /// A consumer that meets aborted records must be told of their transaction.
  void check_told_as_aborted(const FetchData& data, Offset base) {
    const auto told = log_->aborted_transactions(data).value();
    ASSERT_FALSE(told.empty()) << "at " << base;
  }

  void check_sequence() {
    const std::int32_t next = next_sequence();
    if (next == 0) return;
    const auto producers = log_->active_producers();
    if (producers.empty() && config_->cleanup_delete) return;  // forgotten with its records
    ASSERT_EQ(producers.size(), 1U);
    ASSERT_EQ(producers[0].last_sequence, next - 1);
  }

  static void apply(State& state, const ModelRecord& record) {
    if (record.value) {
      state[record.key] = *record.value;
    } else {
      state.erase(record.key);
    }
  }
  std::string unique() { return std::to_string(++unique_); }

  testing::SimulatedWorld world_;
  env::SeededRandom random_;
  testing::SimulatedFileSystem files_;
  std::unique_ptr<env::Executor> executor_;
  std::unique_ptr<DeferredDeletion> deletions_;
  std::unique_ptr<LogHealth> health_;
  std::shared_ptr<LogConfig> config_ = std::make_shared<LogConfig>();
  std::shared_ptr<Log> log_;
  std::map<Offset, ModelBatch> model_;
  std::optional<ModelBatch> maybe_;
  Offset maybe_base_;
  std::optional<Offset> point_;
  Offset flushed_{0};
  Offset recovery_{0};
  bool is_ending_ = false;
  std::uint64_t unique_ = 0;
  std::uint64_t bytes_saved_ = 0;
  Offset start_{0};  ///< In the checkpoint.
  int segments_deleted_ = 0;
  int runs_lost_ = 0;  ///< Compactions that found a segment gone.
};

std::uint64_t seeds_wanted() {
  const char* const wanted = std::getenv("OTTLA_CRASH_SEEDS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 150;
}

TEST(CompactionCrash, TheCompactedLogTellsTheSameAsTheWholeOne) {
  const std::uint64_t seeds = seeds_wanted();
  std::uint64_t saved = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CompactedLife life(seed);
    life.run(250);
    saved += life.bytes_saved();
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  EXPECT_GT(saved, 10'000U * seeds);
}

TEST(CompactionCrash, ALogThatIsCompactedAndDeletedTellsTheSameFromItsStartOn) {
  int deleted = 0;
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= seeds_wanted(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CompactedLife life(seed, /*deletes=*/true);
    life.run(250);
    deleted += life.segments_deleted();
    lost += life.runs_lost();
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  EXPECT_GT(deleted, 0);
  EXPECT_GT(lost, 0) << "retention was never faster than compaction";
}

}  // namespace
}  // namespace ottla::storage
