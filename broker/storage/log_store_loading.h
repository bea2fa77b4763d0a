#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/storage/log_store.h"

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
    };
    std::vector<Job> jobs;
    std::atomic<std::size_t> next_job = 0;
    /// What was loaded of a directory that returns; of no use to anyone yet.
    std::vector<std::pair<Job, Entry>> returned OTTLA_GUARDED_BY(mutex);
    DirectoryLoad result OTTLA_GUARDED_BY(mutex);
    Mutex mutex{LockRank::Leaf};
  };

  ConfigOf config_of;
  Callback<Result<std::vector<DirectoryLoad>>> done;
  std::vector<std::unique_ptr<Directory>> directories;
  std::atomic<std::size_t> workers = 0;
  env::MonotonicTime started;
  bool is_return = false;  ///< Of one directory that had failed, while the others are in use.
};

}  // namespace ottla::storage
