#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/deferred_deletion.h"
#include "broker/storage/log.h"
#include "broker/storage/log_directory.h"
#include "common/base/mutex.h"
#include "common/base/task.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/file_system.h"
#include "common/env/random.h"
#include "common/metrics/histogram.h"

namespace ottla::storage {

struct LogStoreOptions {
  std::vector<std::string> directories;    ///< log.dirs
  int recovery_threads_per_directory = 1;  ///< num.recovery.threads.per.data.dir
  /// As it is now (producer.id.expiration.ms).
  std::function<std::chrono::milliseconds()> producer_expiration = [] {
    return std::chrono::hours(24);
  };
  std::chrono::milliseconds recovery_checkpoint_interval = std::chrono::seconds(60);
  std::chrono::milliseconds log_start_checkpoint_interval = std::chrono::seconds(60);
  std::chrono::milliseconds high_watermark_checkpoint_interval = std::chrono::seconds(5);
  std::chrono::milliseconds retention_check_interval = std::chrono::minutes(5);
  /// How long a log that was put aside (*-stray) is kept; none: for ever.
  std::optional<std::chrono::milliseconds> stray_retention = std::chrono::hours(7 * 24);
  /// The same for what unclean elections cut, and how much of it a log dir keeps (W6).
  std::optional<std::chrono::milliseconds> cut_records_retention = std::chrono::hours(7 * 24);
  std::uint64_t cut_records_max_bytes = 1 << 30;
  std::chrono::milliseconds producer_expiration_check_interval = std::chrono::minutes(10);
  /// log.flush.scheduler.interval.ms; none: flushes by time are not looked for.
  std::optional<std::chrono::milliseconds> flush_check_interval;
  /// How often each log dir is looked after: its room, and whether it is back after a failure.
  std::chrono::milliseconds directory_check_interval = std::chrono::seconds(1);
  /// As it is now; empty: no limits, no reserve.
  std::function<SpaceLimits()> space_limits;
  /// After this long a failed dir is probed for the first time; nullopt: never.
  std::optional<std::chrono::milliseconds> probe_interval;
  /// Microseconds of each flush. Null: nobody looks.
  std::shared_ptr<metrics::Histogram> flush_us = nullptr;
};

/// What loading a log dir found.
struct DirectoryLoad {
  std::string directory;
  ShutdownKind shutdown = ShutdownKind::Clean;
  std::size_t logs = 0;
  std::uint64_t segments_scanned = 0;
  std::uint64_t bytes_truncated = 0;
  std::size_t failed = 0;       ///< Logs that could not be opened; the dir is offline then.
  std::uint64_t set_apart = 0;  ///< Damaged: offline, while the others are served.
};

/// What lies in a log dir: DescribeLogDirs.
struct DirectoryUsage {
  struct LogUsage {
    TopicPartition partition;
    std::uint64_t bytes = 0;
    Offset log_end_offset;
    bool is_future = false;
  };
  std::string directory;  ///< Absolute.
  bool is_online = false;
  SpaceState space_state = SpaceState::Enough;
  std::optional<env::VolumeSpace> space;  ///< Not known of an offline directory.
  std::vector<LogUsage> logs;             ///< By partition; none of an offline directory.
};

/// What is known of a log dir without asking the disk.
struct DirectoryState {
  std::string path;
  bool is_online = false;
  SpaceState space = SpaceState::Enough;
  std::optional<std::uint64_t> usable_bytes;  ///< As of the last look.
  bool is_slow = false;                       ///< By its self-test (W10).
  std::uint64_t total_bytes = 0;              ///< Of the volume, if `usable_bytes` is known.
};

/// How far the opening of a log dir's logs is.
struct LoadProgress {
  std::string directory;
  std::size_t logs = 0;  ///< That it has.
  std::size_t logs_left = 0;
  std::uint64_t bytes = 0;  ///< Behind the recovery points, as far as they are measured.
  std::uint64_t bytes_left = 0;
  /// By recovery thread: segments left to be read of the log that it is at.
  std::vector<std::size_t> segments_left{};
};

/// All logs of this broker, over its log dirs. It owns the directories' locks, checkpoints and
/// background work; who leads or follows a partition is not its concern.
/// Thread: any. mutex_ (Leaf) guards the table of logs and is never held over I/O; creation and
/// removal (LockRank::LogStore) and checkpoints (LockRank::LogDirectory) block.
class LogStore {
 public:
  using ConfigOf = std::function<std::shared_ptr<const LogConfig>(const std::string& topic)>;
  /// nullopt for a partition that has no replica here at the moment.
  using HighWatermarkOf = std::function<std::optional<Offset>(const TopicPartition&)>;
  /// A log dir that failed has been recovered. Whoever calls `take_in` sees to it that no role of
  /// before is taken up afterwards: the dir's logs may lack what they had, as after a crash of the
  /// host (W1). It may be called once, later and on any thread; it blocks shortly.
  using OnReturn = std::function<void(const std::string& directory, Callback<> take_in)>;

  /// Opens and locks the directories. One that fails is offline (`offline_directories`); at least
  /// one must be good, and their identities must agree. `executor` is the I/O pool.
  static Result<std::unique_ptr<LogStore>> open(env::FileSystem& files, env::Clock& clock,
                                                env::Random& random, env::Executor& executor,
                                                LogStoreOptions options,
                                                LogHealth::OnOffline on_offline);
  /// After `shut_down`, or as a crash would: the executor must not run tasks of this store any
  /// more.
  ~LogStore();

  // Starting.

  /// What meta.properties says; empty fields on fresh directories.
  [[nodiscard]] const MetaProperties& identity() const { return identity_; }
  /// Checks the broker's id and the cluster's against every directory and writes meta.properties
  /// where it is missing. Errors: InvalidConfig, InconsistentClusterId, KafkaStorageError.
  Result<> set_identity(BrokerId broker_id, const std::string& cluster_id);
  /// Before `load`: num.recovery.threads.per.data.dir, when it is known only after `open`.
  void set_recovery_threads(int per_directory) {
    options_.recovery_threads_per_directory = per_directory;
  }
  /// Opens all logs, recovering them where needed, with the I/O pool's threads, and calls `done`
  /// there. Errors: a directory that is not a partition's (KafkaStorageError).
  void load(ConfigOf config_of, Callback<Result<std::vector<DirectoryLoad>>> done);
  /// Of the log dirs whose logs are being opened now: at the start, or when one returns.
  [[nodiscard]] std::vector<LoadProgress> loading() const OTTLA_EXCLUDES(mutex_);
  /// The worst of all directories: what registration tells the controller (W1).
  [[nodiscard]] ShutdownKind shutdown_kind() const;
  /// To be called once what follows from a host crash is in ZooKeeper: it is not reported again
  /// after this.
  Result<> confirm_boot();
  /// Starts checkpoints, retention, expiry and the care for the directories on the executor's
  /// timers. Without `on_return` a directory that comes back is taken in at once.
  void start(HighWatermarkOf high_watermark_of, OnReturn on_return = nullptr);

  // Logs.

  [[nodiscard]] std::shared_ptr<Log> find(const TopicPartition& partition) const
      OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<std::shared_ptr<Log>> logs() const OTTLA_EXCLUDES(mutex_);
  /// Of which there is a log, or a future log at least.
  [[nodiscard]] std::set<TopicPartition> partitions() const OTTLA_EXCLUDES(mutex_);
  /// The log; if there is none it is made in the online directory with the most room for what was
  /// made there lately (docs/storage.md). Blocks. Errors: InconsistentTopicId, KafkaStorageError.
  Result<std::shared_ptr<Log>> find_or_create(const TopicPartition& partition,
                                              const TopicId& topic_id,
                                              std::shared_ptr<const LogConfig> config)
      OTTLA_EXCLUDES(mutex_);
  /// Whether the partition's log could not be opened for what stands in its files: it is offline
  /// here until somebody moves it away, or its topic is deleted.
  [[nodiscard]] bool is_set_apart(const TopicPartition& partition) const OTTLA_EXCLUDES(mutex_);
  /// From partition.metadata; nullopt if there is no log or it has no id.
  [[nodiscard]] std::optional<TopicId> topic_id(const TopicPartition& partition) const
      OTTLA_EXCLUDES(mutex_);
  /// Whether the log dir that holds the partition has so much room left, or is not Full at all.
  [[nodiscard]] bool has_room_for(const TopicPartition& partition, std::uint64_t bytes) const
      OTTLA_EXCLUDES(mutex_);
  /// The high watermark at the last checkpoint before the start.
  [[nodiscard]] std::optional<Offset> checkpointed_high_watermark(
      const TopicPartition& partition) const OTTLA_EXCLUDES(mutex_);
  /// Renames the log's directory away, to be removed after `delay`; survives a crash. Blocks.
  Result<> remove(const TopicPartition& partition, std::chrono::milliseconds delay)
      OTTLA_EXCLUDES(mutex_);
  /// Renames the log's directory to *-stray: kept for `stray_retention`, but not served. So it does
  /// with a future replica that has no log beside it.
  Result<> mark_stray(const TopicPartition& partition) OTTLA_EXCLUDES(mutex_);
  /// Directory that holds the log; empty if there is none.
  [[nodiscard]] std::string directory_of(const TopicPartition& partition) const
      OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<std::string> offline_directories() const;
  /// As in log.dirs.
  [[nodiscard]] std::vector<std::string> directories() const;

  [[nodiscard]] std::vector<DirectoryState> directory_states() const;
  /// Of all log dirs, in the order of log.dirs. Blocks.
  [[nodiscard]] std::vector<DirectoryUsage> usage() const OTTLA_EXCLUDES(mutex_);

  // Moving logs between log dirs (log_store_moves.cc). A future log is a copy in another log dir,
  // in TOPIC-P.UNIQUE-future, that is to take the log's place: it is in no table but its own and
  // serves nobody. Directories are named as `usage` does, or as log.dirs does.

  /// Whether a log may be put there. Errors: LogDirNotFound, KafkaStorageError (offline).
  Result<> check_directory(const std::string& directory) const;
  /// Where the log is to be made that is not there yet.
  void prefer_directory(const TopicPartition& partition, const std::string& directory)
      OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::shared_ptr<Log> find_future(const TopicPartition& partition) const
      OTTLA_EXCLUDES(mutex_);
  /// Directory that holds the future log; empty if there is none.
  [[nodiscard]] std::string future_directory_of(const TopicPartition& partition) const
      OTTLA_EXCLUDES(mutex_);
  /// Whether `directory` is where the log is (or its future log, if `future`).
  [[nodiscard]] bool is_in(const TopicPartition& partition, const std::string& directory,
                           bool future) const OTTLA_EXCLUDES(mutex_);
  /// An empty future log for a log that is in another directory. Blocks. Errors: as
  /// `check_directory`; InvalidTopicException (too long a name), KafkaStorageError.
  Result<std::shared_ptr<Log>> create_future(const TopicPartition& partition,
                                             const std::string& directory) OTTLA_EXCLUDES(mutex_);
  /// Gives the copy up and removes it, if there is one. Blocks.
  Result<> remove_future(const TopicPartition& partition) OTTLA_EXCLUDES(mutex_);
  /// Its log dir failed: what is there is left alone.
  void forget_future(const TopicPartition& partition) OTTLA_EXCLUDES(mutex_);
  /// Before the switch: the copy is on the disk up to its end, and so is the note that says which
  /// directory counts if a crash leaves both. Blocks.
  Result<> prepare_switch(const TopicPartition& partition) OTTLA_EXCLUDES(mutex_);
  /// The future log becomes the log, in the table and by its directory's name; the caller sees to
  /// it that both hold the same, and that nobody appends, creates or removes logs meanwhile. A
  /// crash of the process before or after this finds one log that counts; after a crash of the host
  /// it is one of the two. No sync, unless flush.messages or flush.ms promise one.
  Result<> switch_to_future(const TopicPartition& partition) OTTLA_EXCLUDES(mutex_);
  /// After the switch: makes it durable and removes the old log. Blocks.
  Result<> retire_replaced(const TopicPartition& partition) OTTLA_EXCLUDES(mutex_);

  // For the disks' self-test (DiskProbe), which names directories as `directories` does.

  void set_slow(const std::string& directory, bool slow);
  [[nodiscard]] bool is_online(const std::string& directory) const;
  /// What became of an operation there: an error takes the directory offline.
  void report(const std::string& directory, Result<> outcome);
  [[nodiscard]] std::vector<std::string> slow_directories() const;

  // For the cleaner.

  /// Nullopt for a partition that has no replica here at the moment.
  [[nodiscard]] std::optional<Offset> high_watermark(const TopicPartition& partition) const
      OTTLA_EXCLUDES(mutex_);
  /// Below it the log is compacted.
  [[nodiscard]] std::optional<Offset> cleaner_point(const TopicPartition& partition) const
      OTTLA_EXCLUDES(mutex_, checkpoint_mutex_);
  /// Durable when it returns.
  Result<> set_cleaner_point(const TopicPartition& partition, Offset offset)
      OTTLA_EXCLUDES(mutex_, checkpoint_mutex_);

  // Background work, also for tests and for a clean end.

  /// Of all log dirs, or of this one alone.
  Result<> checkpoint_recovery_points(std::optional<std::string> only = std::nullopt)
      OTTLA_EXCLUDES(mutex_);
  Result<> checkpoint_log_starts() OTTLA_EXCLUDES(mutex_);
  Result<> checkpoint_high_watermarks() OTTLA_EXCLUDES(mutex_);
  /// Retention over all logs; returns segments deleted.
  int delete_old_segments() OTTLA_EXCLUDES(mutex_);
  /// Removes what was put aside long enough ago: strays, and what unclean elections cut.
  void expire_leftovers() OTTLA_EXCLUDES(change_mutex_);
  /// Stops background work, closes all logs in parallel, writes the checkpoints and the clean
  /// shutdown markers, and calls `done` on the executor. Directories that failed get no marker.
  void shut_down(Callback<> done) OTTLA_EXCLUDES(mutex_);

 private:
  struct Entry {
    std::shared_ptr<Log> log;
    LogDirectory* directory = nullptr;
    std::optional<TopicId> topic_id;
  };
  /// A log whose place another has taken, still in its directory.
  struct Replaced {
    Entry old;
    Entry by;
  };
  struct SetApart {
    std::string path;
    LogDirectory* directory = nullptr;
  };
  struct Loading;
  struct Closing;
  /// What is done to get a directory back.
  struct Return {
    bool is_under_way = false;
    bool is_counted = false;  ///< This failure has been seen.
    env::Duration wait{};     ///< Before the next probe.
    env::MonotonicTime next_probe;
    env::MonotonicTime came_back;
    std::string hindrance;  ///< As it was logged last.
  };
  struct Repeated {
    std::chrono::milliseconds interval;
    std::function<void()> work;
    env::TimerHandle timer;
  };

  LogStore(env::FileSystem& files, env::Clock& clock, env::Random& random, env::Executor& executor,
           LogStoreOptions options);
  Result<> agree_on_identity();
  Result<> plan_load(Loading& loading, std::size_t number);
  void open_logs(const std::shared_ptr<Loading>& loading) OTTLA_EXCLUDES(mutex_);
  void show_progress_of(const std::shared_ptr<Loading>& loading) OTTLA_EXCLUDES(mutex_);
  void measure_next(const std::shared_ptr<Loading>& loading, std::size_t number);
  void start_opening(const std::shared_ptr<Loading>& loading, std::size_t number);
  void load_next(const std::shared_ptr<Loading>& loading, std::size_t number, std::size_t worker);
  void load_log(Loading& loading, std::size_t number, std::size_t job, std::size_t worker);
  void set_apart(Loading& loading, std::size_t number, std::size_t job) OTTLA_EXCLUDES(mutex_);
  void check_high_watermark(const Log& log, ShutdownKind shutdown) OTTLA_EXCLUDES(mutex_);
  Result<> settle_moves(Loading& loading);
  void keep_high_watermarks(const Loading& loading) OTTLA_EXCLUDES(mutex_);
  void drop_useless_futures() OTTLA_EXCLUDES(mutex_);
  void finish_load(const std::shared_ptr<Loading>& loading);
  void close_next(const std::shared_ptr<Closing>& closing);
  void finish_close();
  Result<> forget_cached(const std::string& directory);

  // log_store_directories.cc
  void look_after(LogDirectory& directory) OTTLA_EXCLUDES(mutex_);
  void look_at_space(LogDirectory& directory) OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::string largest_topics(const LogDirectory& directory) const
      OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] LogDirectory* roomiest_directory() OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] bool is_probe_due(LogDirectory& directory) OTTLA_EXCLUDES(mutex_);
  void put_off_probe(LogDirectory& directory, const Error& hindrance) OTTLA_EXCLUDES(mutex_);
  void try_return(LogDirectory& directory) OTTLA_EXCLUDES(mutex_);
  Result<std::shared_ptr<Loading>> plan_return(LogDirectory& directory) OTTLA_EXCLUDES(mutex_);
  void finish_return(const std::shared_ptr<Loading>& loading, const DirectoryLoad& load)
      OTTLA_EXCLUDES(mutex_);
  void take_in(Loading& loading) OTTLA_EXCLUDES(mutex_);
  Result<bool> settle_copies(LogDirectory& directory, const std::string& path,
                             const TopicPartition& partition) OTTLA_REQUIRES(change_mutex_)
      OTTLA_EXCLUDES(mutex_);

  // log_store_duplicates.cc
  void settle_duplicates(Loading& loading) OTTLA_EXCLUDES(mutex_);
  void keep_copy(const Loading& loading, const Entry& kept) OTTLA_EXCLUDES(mutex_);
  Result<> put_copy_aside(const Entry& kept, const Entry& leftover)
      OTTLA_EXCLUDES(mutex_, change_mutex_);
  void set_copies_apart(const Entry& one, const Entry& other) OTTLA_EXCLUDES(mutex_);

  /// What all logs of this life of the log dir share.
  [[nodiscard]] std::shared_ptr<const LogEnvironment> environment(LogDirectory& directory,
                                                                  LogHealth& health)
      OTTLA_EXCLUDES(environments_mutex_);
  [[nodiscard]] LogDirectory* directory_for_new(const TopicPartition& partition)
      OTTLA_EXCLUDES(mutex_);
  /// Null if it is none of log.dirs, or could not be opened.
  [[nodiscard]] LogDirectory* directory_named(const std::string& directory) const;
  [[nodiscard]] std::vector<Entry> entries() const OTTLA_EXCLUDES(mutex_);  ///< With future logs.
  [[nodiscard]] std::optional<Entry> future(const TopicPartition& partition) const
      OTTLA_EXCLUDES(mutex_);
  Result<> discard_future(const TopicPartition& partition) OTTLA_REQUIRES(change_mutex_)
      OTTLA_EXCLUDES(mutex_);
  Result<> retire(const TopicPartition& partition) OTTLA_REQUIRES(change_mutex_)
      OTTLA_EXCLUDES(mutex_);
  /// The future log of a log that is gone is the best there is.
  Result<std::optional<Entry>> promote_future(const TopicPartition& partition)
      OTTLA_REQUIRES(change_mutex_) OTTLA_EXCLUDES(mutex_);
  Result<> forget_cleaner_point(LogDirectory& directory, const TopicPartition& partition)
      OTTLA_EXCLUDES(checkpoint_mutex_);
  Result<> note_sources(const Entry& future, const Entry& current);
  [[nodiscard]] std::optional<Entry> entry(const TopicPartition& partition) const
      OTTLA_EXCLUDES(mutex_);
  /// Removes what there is of a log that could not be made as a whole, for want of room: the next
  /// try may be made in another dir, and nobody could tell later which of two is the log.
  void take_back(LogDirectory& directory, const std::string& path) OTTLA_REQUIRES(change_mutex_);
  /// Takes the log out of the table and renames its directory; its new path, or "" if there was
  /// none.
  Result<std::string> rename_away(const TopicPartition& partition, const std::string& new_name)
      OTTLA_REQUIRES(change_mutex_) OTTLA_EXCLUDES(mutex_);
  /// The same for one that is set apart; "" if it is not.
  Result<std::string> rename_set_apart(const TopicPartition& partition, const std::string& new_name)
      OTTLA_REQUIRES(change_mutex_) OTTLA_EXCLUDES(mutex_);
  void keep_lines_set_apart(std::string_view name,
                            std::map<const LogDirectory*, PartitionOffsets>& offsets)
      OTTLA_REQUIRES(checkpoint_mutex_) OTTLA_EXCLUDES(mutex_);
  // log_store_leftovers.cc
  void note_put_aside(const std::string& stray);
  [[nodiscard]] Result<std::optional<env::WallTimeMs>> put_aside_at(const std::string& stray);
  void list_stray(const std::string& path);
  Result<> expire_strays(LogDirectory& directory);

  void repeat(std::chrono::milliseconds interval, std::function<void()> work)
      OTTLA_EXCLUDES(mutex_);
  void arm(std::size_t number) OTTLA_EXCLUDES(mutex_);
  Result<> write_checkpoints(std::string_view name,
                             const std::function<std::optional<Offset>(const Log&)>& offset_of,
                             const std::optional<std::string>& only = std::nullopt)
      OTTLA_EXCLUDES(mutex_, checkpoint_mutex_);
  Result<> write_checkpoint(LogDirectory& directory, std::string_view name,
                            const PartitionOffsets& offsets) OTTLA_REQUIRES(checkpoint_mutex_);
  Result<> lower_line(LogDirectory& directory, std::string_view name,
                      const TopicPartition& partition, Offset offset)
      OTTLA_REQUIRES(checkpoint_mutex_);
  Result<> lower_recovery_checkpoint(LogDirectory& directory, const TopicPartition& partition,
                                     Offset offset) OTTLA_EXCLUDES(checkpoint_mutex_);

  env::FileSystem& files_;
  env::Clock& clock_;
  env::Random& random_;
  env::Executor& executor_;
  LogStoreOptions options_;
  MetaProperties identity_;
  DeferredDeletion deletions_;
  std::vector<std::unique_ptr<LogDirectory>> directories_;

  Mutex change_mutex_{LockRank::LogStore};
  mutable Mutex checkpoint_mutex_{LockRank::LogDirectory};
  /// What the files hold: as read at the start, then as last written. By file name.
  std::map<const LogDirectory*, std::map<std::string, PartitionOffsets, std::less<>>> checkpoints_
      OTTLA_GUARDED_BY(checkpoint_mutex_);
  mutable Mutex mutex_{LockRank::Leaf};
  std::map<TopicPartition, Entry> logs_ OTTLA_GUARDED_BY(mutex_);
  std::map<TopicPartition, SetApart> set_apart_ OTTLA_GUARDED_BY(mutex_);
  std::map<TopicPartition, Entry> futures_ OTTLA_GUARDED_BY(mutex_);
  std::map<TopicPartition, Replaced> replaced_ OTTLA_GUARDED_BY(mutex_);
  std::map<TopicPartition, LogDirectory*> preferred_ OTTLA_GUARDED_BY(mutex_);
  PartitionOffsets high_watermarks_
      OTTLA_GUARDED_BY(mutex_);  ///< As checkpointed before the start.
  HighWatermarkOf high_watermark_of_ OTTLA_GUARDED_BY(mutex_);
  ConfigOf config_of_ OTTLA_GUARDED_BY(mutex_);
  OnReturn on_return_ OTTLA_GUARDED_BY(mutex_);
  std::map<const LogDirectory*, Return> returns_ OTTLA_GUARDED_BY(mutex_);
  /// Logs that were made lately: their records are still to come.
  std::deque<std::pair<env::MonotonicTime, const LogDirectory*>> made_lately_
      OTTLA_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<const Loading>> loadings_ OTTLA_GUARDED_BY(mutex_);
  std::vector<Repeated> repeated_ OTTLA_GUARDED_BY(mutex_);
  bool stopping_ OTTLA_GUARDED_BY(mutex_) = false;
  Mutex environments_mutex_{LockRank::Leaf};
  std::map<const LogHealth*, std::shared_ptr<const LogEnvironment>> environments_
      OTTLA_GUARDED_BY(environments_mutex_);
};

}  // namespace ottla::storage
