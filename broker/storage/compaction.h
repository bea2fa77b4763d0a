#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "broker/storage/batch_scanner.h"
#include "broker/storage/cleaned_segment.h"
#include "broker/storage/compaction_filter.h"
#include "broker/storage/compaction_plan.h"
#include "broker/storage/damaged_batch.h"
#include "broker/storage/log.h"
#include "broker/storage/offset_map.h"

namespace ottla::storage {

/// What is known of a log before its compaction is planned. Reads a few headers; may block.
Result<LogFacts> facts_of(Log& log, Offset high_watermark, std::optional<Offset> cleaner_point);

/// One run of the cleaner over one log, in steps: the newest offset of each key in the dirty part
/// goes into the map, then all segments up to there are written anew without what is obsolete, and
/// take the place of the old ones, group by group. It may be given up between any two steps. The
/// log must have been flushed, and its recovery point be in the checkpoint: what a crash makes
/// recovery read again has no gaps then.
/// A batch that cannot be read is written as it is (N20). Its keys are not known, so that older
/// values stay where it may have had newer ones: nothing is lost that was not before.
/// Thread: one at a time.
class Compaction {
 public:
  /// What is read or written at once, about, unless a batch is larger.
  static constexpr std::size_t kBufferBytes = 256 << 10;

  /// `map` is empty, and this run's alone.
  Compaction(env::FileSystem& files, env::Clock& clock, std::shared_ptr<Log> log,
             const LogFacts& facts, const Cleanable& cleanable, OffsetMap& map,
             std::size_t buffer_bytes = kBufferBytes);
  ~Compaction();

  struct Step {
    bool is_done = false;
    std::uint64_t bytes = 0;  ///< Read and written.
  };
  /// Works on about `budget` bytes. Errors: CorruptMessage: nobody can tell one batch from the
  /// next, this log cannot be cleaned; KafkaStorageError.
  Result<Step> step(std::uint64_t budget);

  /// Of a finished run: below it the log is clean; nullopt if the log changed under it.
  [[nodiscard]] std::optional<Offset> cleaned_to() const { return cleaned_to_; }
  [[nodiscard]] std::uint64_t bytes_before() const { return bytes_before_; }
  [[nodiscard]] std::uint64_t bytes_after() const { return bytes_after_; }
  [[nodiscard]] const std::shared_ptr<Log>& log() const { return log_; }
  /// The batches that were left as they are.
  [[nodiscard]] const std::map<Offset, DamagedBatch>& damaged() const { return damaged_; }

 private:
  enum class Phase : std::uint8_t { Begin, Map, Rewrite, Done };

  /// The next batch of a segment: one to work on, or one that is written as it is.
  struct Next {
    std::optional<BatchAt> batch;
    std::optional<DamagedBatch> damaged;
  };

  Result<> work(std::uint64_t budget, Step& step);
  /// Retention or a cut took what is still to be read: its files are gone.
  [[nodiscard]] bool has_lost_a_segment() const;
  void end_for_nothing();
  Result<> begin();
  void begin_map();
  Result<> map_some(std::uint64_t budget, Step& step);
  Result<bool> map_batch(const record::RecordBatchView& batch);
  [[nodiscard]] static Result<> read_through(const record::RecordBatchView& batch);
  Result<> plan_rewrite();
  Result<> rewrite_some(std::uint64_t budget, Step& step);
  Result<> begin_group();
  Result<> begin_segment();
  Result<> keep_undecided(const record::RecordBatchView& batch);
  Result<> end_group(Step& step);
  Result<> write(const record::RecordBatchView& batch, const FilteredBatch& filtered);
  Result<Next> next_batch(std::uint64_t& used);
  /// CorruptMessage if it lies between batches that cannot be told apart.
  Result<DamagedBatch> measure(std::uint64_t position, const Error& cause);
  void leave(const BatchAt& batch, const Error& cause);
  Result<> keep_damaged(const DamagedBatch& batch);
  void keep_aborted(Offset marker);
  [[nodiscard]] std::string file_of_segment() const;

  env::FileSystem& files_;
  env::Clock& clock_;
  const std::shared_ptr<Log> log_;
  const std::shared_ptr<const LogConfig> config_;
  const Cleanable cleanable_;
  const Offset last_stable_offset_;
  OffsetMap& map_;
  const std::size_t buffer_bytes_;
  const Offset first_segment_;

  Phase phase_ = Phase::Begin;
  std::string directory_;
  std::vector<Log::SegmentToReplace> segments_;  ///< Up to the first uncleanable offset.
  std::vector<SegmentFacts> facts_;
  Offset segments_end_;
  std::vector<AbortedRange> aborted_;
  std::size_t segment_ = 0;  ///< The one that is read.
  std::optional<BatchScanner> scanner_;
  Offset next_offset_;  ///< The least that the next batch may have.
  std::uint64_t vouched_to_ = 0;
  std::map<Offset, DamagedBatch> damaged_;
  /// A batch broke off between two records, the first of which were in the map already: since then
  /// every batch is read through before its records count.
  bool reads_through_first_ = false;

  std::optional<TransactionsInOrder> dirty_transactions_;
  Offset latest_mapped_ = kUnknownOffset;
  bool is_map_full_ = false;

  std::vector<std::size_t> groups_;
  std::size_t group_ = 0;
  std::size_t group_begin_ = 0;
  env::WallTimeMs legacy_horizon_ = 0;
  std::unique_ptr<CompactionFilter> filter_;
  std::unique_ptr<CleanedSegment> cleaned_;

  std::optional<Offset> cleaned_to_;
  std::uint64_t bytes_before_ = 0;
  std::uint64_t bytes_after_ = 0;
};

}  // namespace ottla::storage
