#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "broker/group/coordinator_core.h"
#include "broker/group/group_loader.h"
#include "broker/storage/log.h"
#include "broker/storage/log_walk.h"
#include "common/base/task.h"
#include "common/env/executor.h"

namespace ottla::group {

/// Reads one partition of __consumer_offsets into groups, a buffer at a time; between two of them
/// the I/O pool has others' turns. It reads the segments that the log had at its begin, also if
/// they are compacted or deleted meanwhile. A damaged batch is told and left out. What a snapshot
/// of the log says need not be read.
/// Thread: I/O pool, one task at a time.
class PartitionLoad : public std::enable_shared_from_this<PartitionLoad> {
 public:
  struct Outcome {
    storage::Walked walked;
    LoadedGroups groups;
    EndedOffsets ended;
    std::uint64_t records = 0;
    std::uint64_t unreadable = 0;             ///< Records that were left out.
    Offset snapshot_end = kUnknownOffset;     ///< Of the one that was used.
    std::optional<GroupSnapshot> snapshot{};  ///< If one was asked for; no groups then.
  };
  using Torn = storage::LogWalk::Torn;

  struct Options {
    std::uint64_t buffer_bytes = 5 << 20;
    Torn torn = Torn::Fail;
    env::FileSystem* files = nullptr;  ///< Null: without a snapshot.
    std::optional<Offset> end{};       ///< Nullopt: the log's. Below it all is committed.
    bool makes_snapshot = false;
    env::Duration pause{};  ///< Between two buffers.
  };
  PartitionLoad(std::shared_ptr<storage::Log> log, Options options, env::Executor& io_pool);

  /// Reads up to where the log ends now, or `end`. `done` comes once, on the pool, unless it is
  /// stopped. Errors: CorruptMessage (torn), OffsetOutOfRange (the log was cut meanwhile),
  /// KafkaStorageError.
  void start(Callback<Result<Outcome>> done);

 private:
  void begin();
  Result<Outcome> finish();

  const Options options_;
  env::Executor& io_pool_;
  const std::shared_ptr<storage::LogWalk> walk_;
  Callback<Result<Outcome>> done_;
  GroupLoader loader_;
  Offset snapshot_end_ = kUnknownOffset;
};

}  // namespace ottla::group
