#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/env/executor.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// Removes files and directories some time after they were renamed away (file.delete.delay.ms), so
/// that readers who opened them by name are done. What is still waiting when the process ends is
/// removed by the next start, which knows it by its suffix.
/// Thread: any (mutex_, LockRank::Leaf).
class DeferredDeletion {
 public:
  DeferredDeletion(env::FileSystem& files, env::Executor& executor)
      : files_(files), executor_(executor) {}
  /// Cancels what waits. The executor must have stopped or be idle: a removal may be running.
  ~DeferredDeletion();

  void schedule(std::vector<std::string> paths, std::chrono::milliseconds delay)
      OTTLA_EXCLUDES(mutex_);
  /// Removes what waits now (tests, and log dirs that close).
  void run_all() OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] std::size_t waiting() const OTTLA_EXCLUDES(mutex_);

 private:
  struct Pending {
    std::vector<std::string> paths;
    env::TimerHandle timer;
  };
  void run(std::uint64_t id) OTTLA_EXCLUDES(mutex_);
  void remove(const std::vector<std::string>& paths);

  env::FileSystem& files_;
  env::Executor& executor_;
  mutable Mutex mutex_{LockRank::Leaf};
  std::map<std::uint64_t, Pending> pending_ OTTLA_GUARDED_BY(mutex_);
  std::uint64_t last_id_ OTTLA_GUARDED_BY(mutex_) = 0;
};

}  // namespace ottla::storage
