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
/// they are compacted or deleted meanwhile. A damaged batch is told and left out.
/// Thread: I/O pool, one task at a time.
class PartitionLoad : public std::enable_shared_from_this<PartitionLoad> {
 public:
  struct Outcome {
    LoadedGroups groups;
    Offset end;  ///< Everything below it was read.
    std::uint64_t records = 0;
    std::uint64_t unreadable = 0;     ///< Records and batches that were left out.
    std::uint64_t torn_segments = 0;  ///< Of which the rest behind some place was left out.
  };
  /// What to do where nobody can tell one batch from the next.
  enum class Torn : std::uint8_t { Fail, LeaveOut };

  PartitionLoad(std::shared_ptr<storage::Log> log, std::uint64_t buffer_bytes, Torn torn,
                env::Executor& io_pool);

  /// Reads up to where the log ends now. `done` comes once, on the pool, unless it is stopped.
  /// Errors: CorruptMessage (torn), OffsetOutOfRange (the log was cut meanwhile),
  /// KafkaStorageError.
  void start(Callback<Result<Outcome>> done);

 private:
  void read_on();
  Result<bool> read_some();
  /// False: there is none left.
  bool open_segment();
  Result<> pass_damaged(std::uint64_t position, const Error& cause);

  const std::shared_ptr<storage::Log> log_;
  const std::uint64_t buffer_bytes_;
  const Torn torn_;
  env::Executor& io_pool_;
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
};

}  // namespace ottla::group
