// Random lives of a log against a model in memory, with crashes at any point: after each of them
// the log must be a prefix of what was appended that holds all that was flushed, and go on as if
// nothing had happened.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "broker/storage/log.h"
#include "common/record/record_batch_builder.h"
#include "common/record/records.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/simulated_world.h"

namespace ottla::storage {
namespace {

/// One batch as it must come back.
struct ModelBatch {
  Offset end;
  std::string bytes;
  LeaderEpoch epoch;
};

class RandomLife {
 public:
  explicit RandomLife(std::uint64_t seed)
      : world_(seed), random_(seed * 7 + 1), files_(seed, &world_.clock()) {
    config_->segment_bytes = 1500;
    config_->index_interval_bytes = 150;
    config_->index_max_bytes = 600;
    config_->retention_age.reset();
    config_->file_delete_delay = std::chrono::milliseconds(100);
    EXPECT_TRUE(files_.create_directories("/d"));
    EXPECT_TRUE(files_.sync_directory("/"));
  }

  void run(int steps) {
    open(ShutdownKind::Clean);
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      if (random_.below(40) == 0) files_.stop_after(1 + random_.below(30));
      step();
      if (files_.is_stopped() || random_.below(60) == 0) crash();
    }
    crash();
  }

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
           checkpoint_ = std::min(checkpoint_, offset);
           return {};
         },
         .checked_tail_bytes = world_.random().below(2) * 200},
        {.directory = "/d/t-0",
         .partition = {"t", 0},
         .config = config_,
         .log_start_offset = start_checkpoint_,
         .recovery_point = checkpoint_,
         .shutdown = shutdown});
    ASSERT_TRUE(log) << log.error();
    log_ = *log;
  }

  void step() {
    switch (random_.below(13)) {
      case 0:
        if (log_->flush()) flushed_ = log_->recovery_point();
        break;
      case 1:
        checkpoint_ = log_->recovery_point();
        break;
      case 2:
        (void)log_->roll();
        break;
      case 3:
        world_.run_for(std::chrono::milliseconds(random_.below(200)));
        flushed_ = std::max(flushed_, log_->recovery_point());
        break;
      case 4:
        truncate();
        break;
      case 5:
        ++epoch_;
        break;
      case 6:
        delete_records();
        break;
      default:
        append();
    }
  }

  void append() {
    record::BatchOptions options;
    if (random_.below(3) == 0) {
      options.producer_id = ProducerId(5);
      options.producer_epoch = ProducerEpoch(0);
      options.base_sequence = next_sequence_;
    }
    record::RecordBatchBuilder builder(options);
    const int records = 1 + static_cast<int>(random_.below(4));
    const std::string value(random_.below(300), static_cast<char>('a' + random_.below(26)));
    for (int i = 0; i < records; ++i) {
      builder.append(1'700'000'000'000 + static_cast<std::int64_t>(random_.below(1000)),
                     as_bytes("k"), as_bytes(value));
    }
    const SharedBuffer batch = builder.build().value();
    const auto appended = log_->append_as_leader(batch->bytes(), LeaderEpoch(epoch_));
    if (!appended) {
      ASSERT_TRUE(files_.is_stopped()) << appended.error();
      // The machine stopped within: the batch may be there or not.
      maybe_ = ModelBatch{log_->log_end_offset() + records, std::string(as_text(batch->bytes())),
                          LeaderEpoch(epoch_)};
      return;
    }
    ASSERT_FALSE(appended->is_duplicate);
    if (options.base_sequence >= 0) next_sequence_ += records;
    model_[appended->base_offset] = {appended->log_end_offset, std::string(as_text(batch->bytes())),
                                     LeaderEpoch(epoch_)};
  }

  void truncate() {
    if (model_.empty() || random_.below(3) != 0) return;
    auto at = model_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(model_.size())));
    const Offset to = at->first;
    if (to < log_->log_start_offset()) return;
    cut_to_ = to;
    const bool done = log_->truncate_to(to).has_value();
    flushed_ = std::min(flushed_, to);
    if (!done) {
      ASSERT_TRUE(files_.is_stopped());
      return;  // done or not, or in part
    }
    model_.erase(at, model_.end());
    cut_to_.reset();
    relearn_sequence();
  }

  /// As the LogStore does it.
  void delete_records() {
    if (model_.empty() || random_.below(3) != 0) return;
    auto at = model_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(model_.size())));
    const Offset end = log_->log_end_offset();
    if (at->first > flushed_ || !log_->raise_log_start_offset(at->first, end)) return;
    start_reached_ = std::max(start_reached_, log_->log_start_offset());
    if (!log_->retire_old_segments(end)) return;
    const Offset start = log_->log_start_offset();
    start_checkpoint_ = start > log_->first_segment_offset() ? start : Offset(0);
    (void)log_->delete_retired_segments();
  }

  void crash() {
    flushed_ = std::max(flushed_, std::min(log_->recovery_point(), flushed_));
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
    if (maybe_ && end == maybe_->end && !cut_to_) model_[before] = *maybe_;
    maybe_.reset();
    ASSERT_GE(end, flushed_) << (host ? "host" : "process");
    ASSERT_GE(log_->log_start_offset(), start_checkpoint_);
    if (!host && !cut_to_) {
      ASSERT_GE(end, before);
    }
    // What is there is the model's beginning.
    model_.erase(model_.lower_bound(end), model_.end());
    ASSERT_EQ(end, model_.empty() ? Offset(0) : model_.rbegin()->second.end);
    cut_to_.reset();
    check_contents();
    relearn_sequence();
    if (log_->flush()) flushed_ = checkpoint_ = log_->recovery_point();
  }

  void check_contents() {
    for (const auto& [base, batch] : model_) {
      if (base < log_->log_start_offset()) continue;
      const Offset middle = base + (batch.end - base - 1) / 2;
      const auto data = log_->read(middle, {.max_bytes = 1});
      ASSERT_TRUE(data) << data.error();
      const SharedBuffer bytes = read_slice(data->records).value();
      ASSERT_EQ(as_text(bytes->bytes()), batch.bytes) << "at " << base;
      // Epochs of records that were deleted, and came back, may be forgotten.
      if (base < start_reached_) continue;
      ASSERT_EQ(log_->leader_epoch_of(base), batch.epoch) << "at " << base;
    }
    check_times();
  }

  /// The time index against a walk over all records.
  void check_times() {
    // Below the log start offset, records of its segment still count for the largest time.
    if (log_->log_start_offset() > Offset(0)) return;
    std::int64_t largest = -1;
    Offset first_above = kUnknownOffset;
    const std::int64_t wanted = 1'700'000'000'900;
    for (const auto& [base, batch] : model_) {
      auto reader =
          record::RecordReader::open(record::RecordBatchView::parse(as_bytes(batch.bytes)).value())
              .value();
      record::Record record;
      while (reader.next(record).value()) {
        largest = std::max(largest, record.timestamp);
        if (record.timestamp >= wanted && first_above == kUnknownOffset) {
          first_above = record.offset;
        }
      }
    }
    const auto found = log_->find_by_timestamp(wanted).value();
    ASSERT_EQ(found ? found->offset : kUnknownOffset, first_above);
    const auto newest = log_->find_max_timestamp().value();
    ASSERT_EQ(newest ? newest->timestamp : -1, largest);
  }

  void relearn_sequence() {
    next_sequence_ = 0;
    bool known = false;
    Offset last_batch = kUnknownOffset;
    for (const auto& [base, batch] : model_) {
      const auto view = record::RecordBatchView::parse(as_bytes(batch.bytes)).value();
      if (!view.has_producer_id()) continue;
      next_sequence_ = view.last_sequence() + 1;
      known = true;
      last_batch = base;
    }
    const auto producers = log_->active_producers();
    if (known && producers.empty() && last_batch < log_->log_start_offset()) {
      next_sequence_ = 0;  // forgotten with its records
      return;
    }
    ASSERT_EQ(producers.size(), known ? 1U : 0U);
    if (known) {
      ASSERT_EQ(producers[0].last_sequence, next_sequence_ - 1);
    }
  }

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
  std::optional<Offset> cut_to_;
  Offset flushed_{0};
  Offset checkpoint_{0};
  Offset start_checkpoint_{0};
  Offset start_reached_{0};
  std::int32_t epoch_ = 0;
  std::int32_t next_sequence_ = 0;
};

/// More of them: OTTLA_CRASH_SEEDS.
const std::uint64_t kSeeds = [] {
  const char* const wanted = std::getenv("OTTLA_CRASH_SEEDS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 150ULL;
}();

TEST(LogCrash, W9TheRecoveredLogIsAPrefixThatHoldsAllThatWasFlushed) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomLife(seed).run(400);
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

}  // namespace
}  // namespace ottla::storage
