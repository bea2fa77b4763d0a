#pragma once

#include <cstdint>
#include <memory>

#include "broker/group/coordinator_core.h"
#include "broker/group/group_loader.h"
#include "broker/storage/log.h"
#include "common/base/task.h"
#include "common/env/executor.h"

namespace ottla::group {

/// Reads one partition of __consumer_offsets into groups, a buffer at a time; between two of them
/// the I/O pool has others' turns. Thread: I/O pool, one task at a time.
class PartitionLoad : public std::enable_shared_from_this<PartitionLoad> {
 public:
  struct Outcome {
    LoadedGroups groups;
    Offset end;  ///< Everything below it was read.
    std::uint64_t records = 0;
    std::uint64_t unreadable = 0;
  };

  PartitionLoad(std::shared_ptr<storage::Log> log, std::uint64_t buffer_bytes,
                env::Executor& io_pool);

  /// Reads up to where the log ends now. `done` comes once, on the pool, unless it is stopped.
  void start(Callback<Result<Outcome>> done);

 private:
  void read_on();
  Result<bool> read_some();

  const std::shared_ptr<storage::Log> log_;
  const std::uint64_t buffer_bytes_;
  env::Executor& io_pool_;
  Callback<Result<Outcome>> done_;
  GroupLoader loader_;
  Offset next_;
  Offset end_;
};

}  // namespace ottla::group
