#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/storage/disk_pace.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/file_system.h"

namespace ottla::storage {

class LogStore;

/// This broker's look at its own disks: in each log dir it writes a few bytes, syncs and reads
/// them, again and again, one operation at a time, and notes with the log store which dirs are slow
/// (`Log::is_on_slow_disk`, `LogStore::slow_directories`). Each dir has an executor of its own, so
/// that nothing but the disk is measured; one that does not come back at all is found as well. An
/// operation that fails takes the dir offline, as any does. A dir that is offline is left alone.
/// Thread: `own`, which never waits for a disk.
class DiskProbe {
 public:
  struct Options {
    /// An operation that takes as long is slow; zero: there is no self-test, only `looked`.
    env::Duration slow_operation = std::chrono::seconds(1);
    DiskPace::Limits pace;
  };
  using MakeExecutor = std::function<std::unique_ptr<env::Executor>()>;

  /// References outlive the probe. `looked` is called after each look, on `own`.
  DiskProbe(Options options, env::FileSystem& files, env::Clock& clock, env::Executor& own,
            LogStore& logs, const MakeExecutor& make_executor, std::function<void()> looked);
  ~DiskProbe();

  void start();
  /// No further probe. On `own`.
  void stop();

 private:
  struct Directory;

  void arm();
  void look();
  void look_at(Directory& directory, env::Duration passed);

  const Options options_;
  const env::Duration interval_;
  env::FileSystem& files_;
  env::Clock& clock_;
  env::Executor& own_;
  LogStore& logs_;
  const std::function<void()> looked_;
  std::vector<std::unique_ptr<Directory>> directories_;
  env::MonotonicTime last_look_{};
  env::TimerHandle timer_;
};

}  // namespace ottla::storage
