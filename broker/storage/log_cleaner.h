#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/storage/log_store.h"
#include "broker/storage/uncleanable_logs.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/metrics/registry.h"

namespace ottla::storage {

class Compaction;

struct LogCleanerOptions {
  int threads = 1;                          ///< log.cleaner.threads: runs at the same time.
  std::uint64_t dedupe_bytes = 128U << 20;  ///< log.cleaner.dedupe.buffer.size, over all threads.
  double load_factor = 0.9;                 ///< log.cleaner.io.buffer.load.factor
  std::uint64_t io_buffer_bytes = 512U << 10;  ///< log.cleaner.io.buffer.size, over all threads.
  double max_bytes_per_second = 0;  ///< log.cleaner.io.max.bytes.per.second; 0: no limit.
  std::chrono::milliseconds backoff = std::chrono::seconds(15);  ///< log.cleaner.backoff.ms
  friend bool operator==(const LogCleanerOptions&, const LogCleanerOptions&) = default;
};

/// Compacts the logs whose cleanup.policy has compact, the dirtiest first. A damaged batch stays as
/// it is, is told once and counted; its log is cleaned around it. A log that cannot be cleaned at
/// all (nobody can tell its batches apart, or the disk is full) is shown and tried again later, the
/// others go on.
/// Thread: any (control_mutex_, held while workers end; mutex_ for what they share).
class LogCleaner {
 public:
  struct Dependencies {
    env::FileSystem& files;
    env::Clock& clock;
    env::Random& random;
    /// An executor with so many threads, for the cleaner's own. Its destruction waits for the task
    /// that runs.
    std::function<std::unique_ptr<env::Executor>(std::size_t threads)> make_executor;
    LogStore& logs;
    metrics::Registry* metrics = nullptr;  ///< Null: nobody looks.
  };

  LogCleaner(LogCleanerOptions options, Dependencies with);
  /// Stops, as `stop` does.
  ~LogCleaner();

  void start() OTTLA_EXCLUDES(control_mutex_);
  /// What runs is given up at its next step, which is waited for; nothing of it is lost but the
  /// work.
  void stop() OTTLA_EXCLUDES(control_mutex_);
  /// Goes on with other settings, as after a dynamic change. Another rate holds from the next step
  /// on; after any other change the runs under way are given up and begin anew. May block for the
  /// step that runs. Nothing after `stop`.
  void reconfigure(LogCleanerOptions options) OTTLA_EXCLUDES(control_mutex_);

  [[nodiscard]] std::vector<UncleanableLogs::Entry> uncleanable() const OTTLA_EXCLUDES(mutex_);
  /// Runs that were finished.
  [[nodiscard]] std::uint64_t finished() const { return finished_; }

 private:
  struct Worker;
  struct Crew;
  /// Of a worker's last run.
  struct LastRun {
    std::uint64_t bytes_before = 0;
    std::uint64_t bytes_after = 0;
    double table_used = 0;
    std::chrono::nanoseconds taken{0};
  };
  /// What a look for the dirtiest log found out about all of them.
  struct LastLook {
    env::MonotonicTime at;
    double dirtiest = 0;
    std::int64_t delay_ms = 0;  ///< The longest that max.compaction.lag.ms was exceeded by.
  };

  void start_crew() OTTLA_REQUIRES(control_mutex_);
  void stop_crew() OTTLA_REQUIRES(control_mutex_);
  void declare_gauges(metrics::Registry& registry);

  void work(Worker& worker);
  void end(Worker& worker);
  void give_up(Worker& worker, const Error& cause);
  void again(Worker& worker, std::chrono::nanoseconds pause);
  /// What keeps to the rate after a step.
  [[nodiscard]] std::chrono::nanoseconds pause_after(std::uint64_t bytes, int threads) const;
  /// Prepares the run over the dirtiest log that nobody works on. False: there is none.
  bool choose(Worker& worker) OTTLA_EXCLUDES(mutex_);
  void tell(const TopicPartition& partition, const UncleanableLogs::News& news) const;
  void set_apart(const std::shared_ptr<Log>& log, const Error& cause) OTTLA_EXCLUDES(mutex_);
  void release(const TopicPartition& partition) OTTLA_EXCLUDES(mutex_);
  /// The largest of a figure over the workers' last runs.
  template <class Figure>
  [[nodiscard]] double most_of_last_runs(Figure figure) const OTTLA_EXCLUDES(mutex_);

  const Dependencies with_;
  LogStore& logs_;

  Mutex control_mutex_{LockRank::BrokerLifecycle};
  LogCleanerOptions options_ OTTLA_GUARDED_BY(control_mutex_);
  bool started_ OTTLA_GUARDED_BY(control_mutex_) = false;
  std::unique_ptr<Crew> crew_ OTTLA_GUARDED_BY(control_mutex_);

  std::atomic<double> max_bytes_per_second_;
  std::atomic<std::uint64_t> finished_ = 0;
  mutable Mutex mutex_{LockRank::Leaf};
  std::set<TopicPartition> busy_ OTTLA_GUARDED_BY(mutex_);
  UncleanableLogs uncleanable_ OTTLA_GUARDED_BY(mutex_);
  std::map<int, LastRun> last_runs_ OTTLA_GUARDED_BY(mutex_);  ///< By the worker's number.
  LastLook last_look_ OTTLA_GUARDED_BY(mutex_);

  std::shared_ptr<metrics::Counter> bytes_;
  /// Last: a look that is under way sees the members above.
  std::vector<metrics::Registry::Registration> gauges_;
};

}  // namespace ottla::storage
