#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/storage/log_store.h"
#include "broker/storage/recovery_order.h"

namespace ottla::storage {

/// One run over log dirs that opens their logs: at the start all of them, later one that returns.
struct LogStore::Loading {
  struct Directory {
    LogDirectory* directory = nullptr;
    LogHealth* health = nullptr;  ///< Of the directory, or of the life that it is to have.
    PartitionOffsets recovery_points;
    PartitionOffsets log_starts;
    PartitionOffsets cleaner_points;
    PartitionOffsets high_watermarks;
    struct Job {
      std::string path;
      TopicPartition partition;
      bool is_future = false;
      std::uint64_t bytes_to_read = 0;
    };
    std::vector<Job> jobs;  ///< In the order in which they are opened, once they are measured.
    std::atomic<std::size_t> next_to_measure = 0;
    std::atomic<std::size_t> measuring = 0;  ///< Workers.
    std::atomic<std::size_t> next_job = 0;
    std::atomic<std::size_t> jobs_done = 0;
    std::atomic<std::uint64_t> bytes_to_read = 0;
    std::atomic<std::uint64_t> bytes_done = 0;
    /// By worker: segments left of the log that it is at.
    std::vector<std::atomic<std::size_t>> segments_left;
    /// What was loaded of a directory that returns; of no use to anyone yet.
    std::vector<std::pair<Job, Entry>> returned OTTLA_GUARDED_BY(mutex);
    DirectoryLoad result OTTLA_GUARDED_BY(mutex);

    // log_store_progress.cc
    [[nodiscard]] LoadProgress progress() const;
    void tell_progress() const;
    Mutex mutex{LockRank::Leaf};
  };

  ConfigOf config_of;
  Callback<Result<std::vector<DirectoryLoad>>> done;
  std::vector<std::unique_ptr<Directory>> directories;
  std::atomic<std::size_t> workers = 0;
  env::MonotonicTime started;
  std::atomic<bool> is_over = false;
  /// Logs of partitions that another log dir has, too.
  struct Duplicate {
    std::size_t directory = 0;
    Entry entry;
  };
  std::vector<Duplicate> duplicates OTTLA_GUARDED_BY(mutex);
  Mutex mutex{LockRank::Leaf};
  bool is_return = false;  ///< Of one directory that had failed, while the others are in use.
};

}  // namespace ottla::storage
