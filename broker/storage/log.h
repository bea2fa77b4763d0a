#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/storage/deferred_deletion.h"
#include "broker/storage/leader_epochs.h"
#include "broker/storage/log_config.h"
#include "broker/storage/log_health.h"
#include "broker/storage/log_types.h"
#include "broker/storage/producer_states.h"
#include "broker/storage/recent_positions.h"
#include "broker/storage/segment.h"
#include "common/base/mutex.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/file_system.h"
#include "common/metrics/histogram.h"
#include "common/record/record_batch.h"

namespace ottla::storage {

/// What logs need of the world; shared by all logs of a log dir, which must not outlive it.
struct LogEnvironment {
  env::FileSystem& files;
  env::Clock& clock;
  env::Executor& executor;  ///< The I/O pool: flushes of rolled segments.
  LogHealth& health;
  DeferredDeletion& deletions;
  /// As it is now (producer.id.expiration.ms).
  std::function<std::chrono::milliseconds()> producer_expiration = [] {
    return std::chrono::hours(24);
  };
  /// Makes sure, durably, that the recovery point checkpoint of the partition is at most this.
  /// Called before a cut, without locks: what is appended behind the cut would otherwise count as
  /// flushed.
  std::function<Result<>(const TopicPartition&, Offset)> lower_recovery_checkpoint;
  /// Of side files with what was cut, in the whole log dir (cut_records.h).
  std::uint64_t cut_records_max_bytes = 0;
  /// At the end of a segment, even if only a process crashed: its CRCs are checked.
  std::uint64_t checked_tail_bytes = 1 << 20;
  /// Microseconds of each flush. Null: nobody looks.
  std::shared_ptr<metrics::Histogram> flush_us = nullptr;
};

/// What is known about a partition directory before it is opened.
struct LogOpening {
  std::string directory;
  TopicPartition partition;
  std::shared_ptr<const LogConfig> config = std::make_shared<LogConfig>();
  Offset log_start_offset{0};  ///< From the checkpoint.
  Offset recovery_point{0};    ///< From the checkpoint; ignored after a clean shutdown.
  ShutdownKind shutdown = ShutdownKind::Clean;
  Offset cleaner_point{0};  ///< From the checkpoint: below it compaction may have left gaps.
  /// Told how many segments are still to be read as a whole, and how long the one before was. By
  /// `Log::open` only.
  using Progress = std::function<void(std::size_t segments_left, std::uint64_t bytes_read)>;
  Progress on_progress = nullptr;
};

/// What opening had to repair.
struct LogRecovery {
  std::uint64_t segments_scanned = 0;
  std::uint64_t bytes_truncated = 0;
  std::uint64_t segments_dropped = 0;  ///< Behind the first bad batch.
};

/// One partition's log: a directory of segments in Kafka's format. Offsets run from the log start
/// offset to the log end offset (exclusive). High watermarks are the caller's: they are passed in
/// where they matter.
///
/// Appends take one short lock and make one write to the page cache. Readers never take that lock:
/// they see an immutable list of segments and the log end offset that was published after the bytes
/// were written. What may block besides `flush`, `close`, truncation and deletion is a cold read.
/// Every failed write or sync takes the log dir offline (LogHealth); a full disk fails the append
/// with KafkaStorageError and leaves the log as it was.
///
/// Thread: any (mutex_, LockRank::Log).
class Log : public std::enable_shared_from_this<Log> {
 public:
  /// Opens the directory, creates it if it is missing, and recovers it as far as `shutdown`
  /// demands.
  static Result<std::shared_ptr<Log>> open(std::shared_ptr<const LogEnvironment> environment,
                                           const LogOpening& opening);
  /// Of a log with an environment of its own.
  static Result<std::shared_ptr<Log>> open(LogEnvironment environment, const LogOpening& opening) {
    return open(std::make_shared<const LogEnvironment>(std::move(environment)), opening);
  }
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Appending.

  /// Appends validated batches of format 2 as the leader: gives them offsets from the log end
  /// offset on and the leader epoch, both in the caller's buffer, and writes it as it is. CRCs are
  /// taken as checked. Errors: MessageTooLarge, RecordListTooLarge (larger than a segment),
  /// CorruptMessage, OutOfOrderSequenceNumber, InvalidProducerEpoch, InvalidTxnState,
  /// TransactionCoordinatorFenced, KafkaStorageError.
  Result<AppendInfo> append_as_leader(MutableByteView batches, LeaderEpoch leader_epoch,
                                      AppendOrigin origin = AppendOrigin::Client,
                                      std::optional<VerificationToken> verified = std::nullopt)
      OTTLA_EXCLUDES(mutex_);
  /// A transaction is about to be verified; its token goes with its first append
  /// (ProducerStates::begin_verification).
  VerificationToken begin_verification(ProducerId producer, ProducerEpoch epoch,
                                       std::int32_t sequence) OTTLA_EXCLUDES(mutex_);

  /// Appends what the leader sent, as it is. Each piece holds whole batches; all of them are
  /// written by one pwritev. Offsets must rise, not start below the log end offset, and leader
  /// epochs must not fall; CRCs are checked. Errors: CorruptMessage, OffsetOutOfRange (below the
  /// log end offset), KafkaStorageError. Nothing is written if any batch is refused. An empty log
  /// may begin in the middle of the first batch; making its segment anew for that blocks, once.
  Result<AppendInfo> append_as_follower(std::span<const ByteView> pieces) OTTLA_EXCLUDES(mutex_);

  /// Notes that `epoch` begins at the log end offset: what a new leader does before its first
  /// append. Without I/O: the next flush writes it. A crash before that loses nothing, because
  /// every record of the epoch tells it again, and an epoch without records divides nothing.
  Result<> assign_leader_epoch(LeaderEpoch epoch) OTTLA_EXCLUDES(mutex_);

  // Reading.

  /// Finds the range of records from `offset` on. Errors: OffsetOutOfRange (below the log start
  /// offset or above the log end offset), KafkaStorageError.
  Result<FetchData> read(Offset offset, const ReadOptions& options) const;
  /// Aborted transactions that a read_committed consumer must know for this range.
  Result<std::vector<AbortedTransaction>> aborted_transactions(const FetchData& data) const;

  /// First record at or after `timestamp`; nullopt if there is none. Decompresses batches; may
  /// block.
  Result<std::optional<TimestampOffset>> find_by_timestamp(std::int64_t timestamp) const;
  /// The record with the largest timestamp (KIP-734), the first one of several.
  Result<std::optional<TimestampOffset>> find_max_timestamp() const;
  /// Where each segment begins and when its file was last written, oldest first, then the end of
  /// the log and now: all that ListOffsets v0 knows of time. May block.
  Result<std::vector<OffsetAtTime>> offset_history() const;

  /// Whether the log dir is slow by its self-test (DiskProbe).
  [[nodiscard]] bool is_on_slow_disk() const { return environment_->health.is_slow(); }
  /// Whether its log dir takes records of clients (N13).
  [[nodiscard]] bool has_room() const { return environment_->health.space() == SpaceState::Enough; }
  [[nodiscard]] Offset log_start_offset() const {
    return Offset(log_start_offset_.load(std::memory_order_acquire));
  }
  [[nodiscard]] Offset log_end_offset() const {
    return Offset(log_end_offset_.load(std::memory_order_acquire));
  }
  /// End of what was on the disk at the last flush.
  [[nodiscard]] Offset recovery_point() const {
    return Offset(recovery_point_.load(std::memory_order_acquire));
  }
  /// First offset of a transaction that is open, or whose marker is not yet below the high
  /// watermark; never above the high watermark. Above it read_committed consumers see nothing.
  [[nodiscard]] Offset last_stable_offset(Offset high_watermark) OTTLA_EXCLUDES(mutex_);

  [[nodiscard]] LeaderEpoch latest_leader_epoch() const OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<EpochStart> leader_epochs() const OTTLA_EXCLUDES(mutex_);
  /// Where `epoch` ended here (KIP-101, KIP-279); the answer's epoch is the largest known one that
  /// is not above `epoch`.
  [[nodiscard]] EpochEndOffset end_offset_for_epoch(LeaderEpoch epoch) const OTTLA_EXCLUDES(mutex_);
  /// The epoch that `offset` was written in; -1 if unknown.
  [[nodiscard]] LeaderEpoch leader_epoch_of(Offset offset) const OTTLA_EXCLUDES(mutex_);

  // Cutting.

  /// Before a cut that takes what somebody could count on: copies all from `from` on to a side file
  /// (W6, cut_records.h). Errors: KafkaStorageError, also for want of room; the log dir stays
  /// online. Blocks; nobody may append or cut meanwhile.
  Result<CutRecords> keep_aside(Offset from, LeaderEpoch leader_epoch) const;
  /// Drops everything from `offset` on. False if nothing was there. Blocks until the cut is
  /// durable.
  Result<bool> truncate_to(Offset offset) OTTLA_EXCLUDES(mutex_);
  /// Empties the log, which then starts and ends at `offset`.
  Result<> truncate_fully_and_start_at(Offset offset) OTTLA_EXCLUDES(mutex_);
  /// Moves the log start offset forward (DeleteRecords, a follower's leader); segments below go
  /// with the next `delete_old_segments`. False if it was there already. Errors: OffsetOutOfRange.
  Result<bool> raise_log_start_offset(Offset offset, Offset high_watermark) OTTLA_EXCLUDES(mutex_);
  /// Deletes segments by retention.ms, retention.bytes (where cleanup.policy has delete) and below
  /// the log start offset, never above the high watermark. Returns how many.
  Result<int> delete_old_segments(Offset high_watermark) OTTLA_EXCLUDES(mutex_);
  /// Its first half: takes the segments out of the log, whose start offset is above them from then
  /// on. No file is touched: once the log start offset is in its checkpoint, a crash in the middle
  /// of the second half leaves nothing that would be taken for a gap, or come back.
  Result<int> retire_old_segments(Offset high_watermark) OTTLA_EXCLUDES(mutex_);
  /// Its second half: renames the files to *.deleted, to be removed after file.delete.delay.ms.
  /// Blocks; appends and reads go on meanwhile.
  Result<> delete_retired_segments() OTTLA_EXCLUDES(mutex_);

  // Compacting.

  struct SegmentToReplace {
    std::shared_ptr<Segment> segment;
    std::uint64_t bytes = 0;  ///< As it was read.
  };
  /// All segments, the active one last.
  [[nodiscard]] std::vector<std::shared_ptr<Segment>> all_segments() const;
  /// Puts the finished CleanedSegment with the first one's base offset in the place of these
  /// neighbours. False, and nothing done, if the log has changed there meanwhile. Blocks; appends
  /// and reads go on.
  Result<bool> replace_segments(std::span<const SegmentToReplace> old) OTTLA_EXCLUDES(mutex_);
  /// Keeps `replace_segments` from doing anything: a log that is being copied must not lose a
  /// tombstone before the copy had it. Waits for one that is under way.
  void hold_compaction(bool held) OTTLA_EXCLUDES(flush_mutex_);
  [[nodiscard]] bool compaction_held() const {
    return compaction_held_.load(std::memory_order_acquire);
  }
  /// An error with the log's files outside of this class: takes the log dir offline, unless the log
  /// is closed.
  Error report(Error cause) OTTLA_EXCLUDES(mutex_);

  // Durability.

  /// Syncs everything below the log end offset and moves the recovery point there. Blocks; appends
  /// go on meanwhile.
  Result<> flush() OTTLA_EXCLUDES(mutex_);
  /// Syncs if flush.ms has passed since the last flush and something is unflushed.
  Result<> flush_if_due() OTTLA_EXCLUDES(mutex_);
  /// Drops producers that were silent for producer.id.expiration.ms.
  void expire_producers() OTTLA_EXCLUDES(mutex_);
  /// Its log dir failed: waits for whoever is in the middle of something, and nobody writes to the
  /// files through this log afterwards.
  void abandon() OTTLA_EXCLUDES(mutex_);
  /// Clean shutdown: index files cut to size, producer snapshot, everything synced. Refuses appends
  /// afterwards.
  Result<> close() OTTLA_EXCLUDES(mutex_);

  // State.

  [[nodiscard]] const TopicPartition& partition() const { return partition_; }
  [[nodiscard]] std::string directory() const OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::shared_ptr<const LogConfig> config() const;
  void set_config(std::shared_ptr<const LogConfig> config);
  [[nodiscard]] std::uint64_t size_bytes() const;
  [[nodiscard]] std::size_t segment_count() const { return segments()->size(); }
  /// Where the oldest segment on disk begins; the log start offset may be above it.
  [[nodiscard]] Offset first_segment_offset() const OTTLA_EXCLUDES(published_mutex_);
  [[nodiscard]] const LogRecovery& recovery() const { return recovery_; }
  [[nodiscard]] std::vector<ActiveProducer> active_producers() const OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::size_t producer_count() const OTTLA_EXCLUDES(mutex_);
  /// Starts a new segment unless the active one is empty.
  Result<> roll() OTTLA_EXCLUDES(mutex_);
  /// Stops all use of the files (the directory is to be deleted or moved) and renames the
  /// directory.
  Result<> rename_directory(const std::string& new_directory) OTTLA_EXCLUDES(mutex_);
  /// Renames the directory of a log that goes on to be used. Nothing counts as flushed before the
  /// new name is durable: the next flush sees to that.
  Result<> rename_in_use(const std::string& new_directory) OTTLA_EXCLUDES(mutex_);
  /// How often the log was cut, at its end or as a whole.
  [[nodiscard]] std::uint64_t cuts() const OTTLA_EXCLUDES(mutex_);

 private:
  using SegmentList = std::vector<std::shared_ptr<Segment>>;
  using SharedSegmentList = std::shared_ptr<const SegmentList>;

  /// What the headers of an append say.
  struct BatchSet {
    AppendedSet appended;
    Offset base_offset = kUnknownOffset;
    LeaderEpoch last_leader_epoch = kUnknownLeaderEpoch;
    std::int64_t log_append_time = -1;
    absl::InlinedVector<EpochStart, 1> new_epochs;
    /// From a leader: what this log had begun at its end, as a leader that appended nothing, is
    /// void.
    bool is_replicated = false;
  };

  Log(std::shared_ptr<const LogEnvironment> environment, const LogOpening& opening);

  // log.cc: appending.
  Result<AppendInfo> append_replicated(std::span<const ByteView> pieces) OTTLA_EXCLUDES(mutex_);
  Result<AppendInfo> append_locked(const BatchSet& set, std::span<const ByteView> pieces,
                                   const ProducerStates::Update& producers) OTTLA_REQUIRES(mutex_);
  Result<> write_set(const BatchSet& set, std::span<const ByteView> pieces,
                     const ProducerStates::Update& producers) OTTLA_REQUIRES(mutex_);
  [[nodiscard]] Result<> check_usable() const OTTLA_REQUIRES(mutex_);
  [[nodiscard]] AppendInfo duplicate_info(const ProducerBatch& batch) const;
  void start_early_writeback(const std::shared_ptr<Segment>& segment) OTTLA_REQUIRES(mutex_);
  Result<> roll_locked(Offset new_base_offset) OTTLA_REQUIRES(mutex_);
  [[nodiscard]] std::chrono::milliseconds roll_jitter(const LogConfig& config,
                                                      Offset base_offset) const;
  void publish(SegmentList segments) OTTLA_EXCLUDES(published_mutex_);
  void note_unstable() OTTLA_REQUIRES(mutex_);
  [[nodiscard]] std::shared_ptr<Segment> active() const { return segments()->back(); }
  [[nodiscard]] SharedSegmentList segments() const OTTLA_EXCLUDES(published_mutex_);

  // log_read.cc
  Result<FetchData> read_once(Offset offset, const ReadOptions& options) const;
  Result<std::optional<std::uint64_t>> end_position(const SegmentList& segments, std::size_t number,
                                                    Offset end, const LogPosition& tail,
                                                    const ReadOptions& options) const;

  // log_recovery.cc
  Result<> load(const LogOpening& opening) OTTLA_EXCLUDES(mutex_);
  Result<> load_locked(const LogOpening& opening) OTTLA_REQUIRES(mutex_);
  Result<SegmentList> open_segments() OTTLA_REQUIRES(mutex_);
  Result<> finish_swaps(const std::vector<std::string>& names) OTTLA_REQUIRES(mutex_);
  Result<Offset> recover_segments(SegmentList& segments, std::size_t from, ShutdownKind shutdown,
                                  Offset gaps_below, bool has_all_pages,
                                  const LogOpening::Progress& on_progress) OTTLA_REQUIRES(mutex_);
  Result<Offset> believable_start(const SegmentList& segments, const LogOpening& opening) const;
  Result<> check_epochs(const SegmentList& segments, Offset log_start, Offset end,
                        ShutdownKind shutdown) OTTLA_REQUIRES(mutex_);
  Result<> rebuild_epochs(const SegmentList& segments) OTTLA_REQUIRES(mutex_);
  Result<Offset> recover_segment(Segment& segment, bool has_all_pages) OTTLA_REQUIRES(mutex_);
  Result<> rebuild_indexes(const SegmentList& segments, std::size_t number, bool knows_producers)
      OTTLA_REQUIRES(mutex_);
  Result<> drop_segments(SegmentList& segments, std::size_t from) OTTLA_REQUIRES(mutex_);
  Result<> drop_below_start(SegmentList& segments, Offset log_start) OTTLA_REQUIRES(mutex_);
  Result<Offset> end_of(const Segment& segment) const;
  Result<> load_epochs(const SegmentList& segments) OTTLA_REQUIRES(mutex_);
  /// Producer state as of `end`: the newest usable snapshot and the batches behind it.
  Result<> load_producers(const SegmentList& segments, Offset end, bool scan_without_snapshot)
      OTTLA_REQUIRES(mutex_);
  Result<> replay_segment(const Segment& segment, std::uint64_t position, Offset end)
      OTTLA_REQUIRES(mutex_);
  Result<> replay_producers(const record::RecordBatchView& batch, Segment* index_aborts)
      OTTLA_REQUIRES(mutex_);
  Result<> remove_snapshots(const SegmentList& segments, Offset end) OTTLA_REQUIRES(mutex_);
  Result<> write_snapshot(Offset offset) OTTLA_REQUIRES(mutex_);

  // log_replacement.cc
  Result<> swap_files(const SegmentList& old, const std::string& directory)
      OTTLA_REQUIRES(flush_mutex_) OTTLA_EXCLUDES(mutex_);

  // log_retention.cc
  [[nodiscard]] Result<std::size_t> expired_segments(const SegmentList& list,
                                                     Offset high_watermark) const;
  Result<> delete_retired() OTTLA_REQUIRES(flush_mutex_) OTTLA_EXCLUDES(mutex_);

  // log_cleanup.cc
  Result<> write_epochs() OTTLA_REQUIRES(flush_mutex_) OTTLA_EXCLUDES(mutex_);
  Result<> prepare_cut(Offset offset) OTTLA_EXCLUDES(mutex_);
  Result<bool> cut_at(Offset offset) OTTLA_EXCLUDES(mutex_);
  Result<> start_over_at(Offset offset) OTTLA_EXCLUDES(mutex_);
  void end_cut() OTTLA_EXCLUDES(mutex_);
  Result<> truncate_locked(Offset offset) OTTLA_REQUIRES(mutex_);
  Result<> start_over_locked(Offset offset) OTTLA_REQUIRES(mutex_);

  // log_flush.cc
  Result<> flush_below(Offset end) OTTLA_EXCLUDES(mutex_);
  Result<> flush_under_lock(Offset end) OTTLA_REQUIRES(flush_mutex_) OTTLA_EXCLUDES(mutex_);

  const std::shared_ptr<const LogEnvironment> environment_;
  const TopicPartition partition_;

  /// Orders those who block on the disk anyway (flush, truncation, close). Taken before mutex_; no
  /// append and no reader takes it.
  mutable Mutex flush_mutex_{LockRank::LogFlush};
  mutable Mutex mutex_{LockRank::Log};
  std::string directory_ OTTLA_GUARDED_BY(mutex_);
  LeaderEpochs epochs_ OTTLA_GUARDED_BY(mutex_);
  bool epochs_dirty_ OTTLA_GUARDED_BY(mutex_) = false;
  bool directory_dirty_ OTTLA_GUARDED_BY(mutex_) = false;
  bool name_dirty_ OTTLA_GUARDED_BY(mutex_) = false;  ///< The directory's own name.
  /// Neither its directory nor its partition.metadata was ever synced: the first flush does it,
  /// before any record counts as flushed, so that making a log waits for no disk.
  bool creation_dirty_ OTTLA_GUARDED_BY(mutex_) = false;
  bool seal_dirty_ OTTLA_GUARDED_BY(mutex_) =
      false;                                       ///< A segment was sealed since the last flush.
  bool cutting_ OTTLA_GUARDED_BY(mutex_) = false;  ///< The recovery point must not rise.
  ProducerStates producers_ OTTLA_GUARDED_BY(mutex_);
  /// Newest snapshot file, or the log start offset: none is written for the same offset again.
  Offset snapshot_at_ OTTLA_GUARDED_BY(mutex_);
  bool touched_ OTTLA_GUARDED_BY(mutex_) =
      false;  ///< Anything was written since the log was opened.
  bool closed_ OTTLA_GUARDED_BY(mutex_) = false;
  std::uint64_t cuts_ OTTLA_GUARDED_BY(mutex_) = 0;  ///< Truncations so far; a flush notices them.
  std::uint64_t written_back_ OTTLA_GUARDED_BY(mutex_) = 0;  ///< Position in the active segment.

  std::atomic<std::int64_t> log_start_offset_;
  std::atomic<std::int64_t> log_end_offset_;
  std::atomic<std::int64_t> recovery_point_;
  std::atomic<bool> compaction_held_ = false;  ///< Set under flush_mutex_.
  std::atomic<bool> has_unstable_ = false;     ///< Any transaction open or not yet replicated.
  std::atomic<env::WallTimeMs> last_flush_ms_ = 0;

  mutable Mutex published_mutex_{LockRank::Leaf};
  SharedSegmentList segments_ OTTLA_GUARDED_BY(published_mutex_);
  /// Out of the log, oldest first, but their files are still there.
  SegmentList retired_ OTTLA_GUARDED_BY(published_mutex_);
  std::shared_ptr<const LogConfig> config_ OTTLA_GUARDED_BY(published_mutex_);
  RecentPositions recent_;
  LogRecovery recovery_;  // written while opening
};

}  // namespace ottla::storage
