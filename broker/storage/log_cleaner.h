#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/storage/log_store.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"

namespace ottla::storage {

class Compaction;
class OffsetMap;

struct LogCleanerOptions {
  int threads = 1;                          ///< log.cleaner.threads: runs at the same time.
  std::uint64_t dedupe_bytes = 128U << 20;  ///< log.cleaner.dedupe.buffer.size, over all threads.
  double load_factor = 0.9;                 ///< log.cleaner.io.buffer.load.factor
  double max_bytes_per_second = 0;          ///< log.cleaner.io.max.bytes.per.second; 0: no limit.
  std::chrono::milliseconds backoff = std::chrono::seconds(15);  ///< log.cleaner.backoff.ms
};

/// Compacts the logs whose cleanup.policy has compact, the dirtiest first. A log that cannot be
/// cleaned (damaged records) is left out from then on, shown, and the others go on.
/// Thread: any; the work is done on `executor`, which has `threads` threads.
class LogCleaner {
 public:
  LogCleaner(LogCleanerOptions options, env::FileSystem& files, env::Clock& clock,
             env::Random& random, env::Executor& executor, LogStore& logs);
  /// After `stop`; the executor must not run its tasks any more.
  ~LogCleaner();

  void start();
  /// What runs is given up at its next step; nothing of it is lost but the work.
  void stop();

  struct Uncleanable {
    TopicPartition partition;
    std::string reason;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] std::vector<Uncleanable> uncleanable() const OTTLA_EXCLUDES(mutex_);
  /// Runs that were finished.
  [[nodiscard]] std::uint64_t finished() const { return finished_; }

 private:
  struct Worker;

  void work(Worker& worker);
  void end(Worker& worker);
  void give_up(Worker& worker, const Error& cause);
  void again(Worker& worker, std::chrono::nanoseconds pause);
  /// Prepares the run over the dirtiest log that nobody works on. False: there is none.
  bool choose(Worker& worker) OTTLA_EXCLUDES(mutex_);
  void release(const TopicPartition& partition) OTTLA_EXCLUDES(mutex_);

  const LogCleanerOptions options_;
  env::FileSystem& files_;
  env::Clock& clock_;
  env::Executor& executor_;
  LogStore& logs_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> finished_ = 0;
  mutable Mutex mutex_{LockRank::Leaf};
  std::set<TopicPartition> busy_ OTTLA_GUARDED_BY(mutex_);
  /// A log that was made anew under the same name is another one.
  std::map<std::weak_ptr<Log>, Uncleanable, std::owner_less<>> uncleanable_
      OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::storage
