#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "broker/group/coordinator_core.h"
#include "broker/group/group_loader.h"
#include "broker/storage/batch_scanner.h"
#include "broker/storage/log.h"
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
    LoadedGroups groups;
    EndedOffsets ended;
    Offset end;  ///< Everything below it was read.
    std::uint64_t records = 0;
    std::uint64_t unreadable = 0;             ///< Records and batches that were left out.
    std::uint64_t torn_segments = 0;          ///< Of which the rest behind some place was left out.
    Offset snapshot_end = kUnknownOffset;     ///< Of the one that was used.
    std::optional<GroupSnapshot> snapshot{};  ///< If one was asked for; no groups then.
  };
  /// What to do where nobody can tell one batch from the next.
  enum class Torn : std::uint8_t { Fail, LeaveOut };

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
  void read_on();
  void go_on();
  Result<Outcome> finish();
  Result<bool> read_some();
  /// False: there is none left.
  bool open_segment();
  Result<> pass_damaged(std::uint64_t position, const Error& cause);

  const std::shared_ptr<storage::Log> log_;
  const Options options_;
  env::Executor& io_pool_;
  env::TimerHandle timer_;
  Callback<Result<Outcome>> done_;
  GroupLoader loader_;
  Offset next_;
  Offset end_;
  std::vector<std::shared_ptr<storage::Segment>> segments_;
  std::size_t segment_ = 0;  ///< The one that is read, or the next one.
  std::uint64_t segment_bytes_ = 0;
  std::optional<storage::BatchScanner> scanner_;
  Offset least_;  ///< That the segment's next batch may have.
  std::uint64_t vouched_to_ = 0;
  std::uint64_t damaged_batches_ = 0;
  std::uint64_t torn_segments_ = 0;
  Offset snapshot_end_ = kUnknownOffset;
};

}  // namespace ottla::group
