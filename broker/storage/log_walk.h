#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "broker/storage/batch_scanner.h"
#include "broker/storage/log.h"
#include "common/base/error.h"
#include "common/base/task.h"
#include "common/env/executor.h"
#include "common/record/record_batch.h"

namespace ottla::storage {

/// What a walk has brought beside the batches.
struct Walked {
  Offset end;                         ///< Everything below it was read.
  std::uint64_t damaged_batches = 0;  ///< Left out.
  std::uint64_t torn_segments = 0;    ///< Of which the rest behind some place was left out.
};

/// Walks a log from its begin to an end, a buffer at a time: how coordinators read what they
/// coordinate. It reads the segments that the log had when it began, also if they are compacted or
/// deleted meanwhile. A damaged batch is told and left out.
/// Thread: one, which may block.
class LogWalk {
 public:
  /// What to do where nobody can tell one batch from the next.
  enum class Torn : std::uint8_t { Fail, LeaveOut };
  using Sink = std::function<void(const record::RecordBatchView&)>;

  /// Up to `end`, or where the log ends now.
  LogWalk(std::shared_ptr<Log> log, std::uint64_t buffer_bytes, Torn torn,
          std::optional<Offset> end = {});

  /// What lies before `offset` is known from elsewhere. Before the first `read_some`.
  void skip_to(Offset offset) { next_ = offset; }
  /// Reads about a buffer. False: that was all. Errors: CorruptMessage (torn), OffsetOutOfRange
  /// (the log was cut meanwhile), KafkaStorageError.
  Result<bool> read_some(const Sink& sink);

  [[nodiscard]] Log& log() const { return *log_; }
  [[nodiscard]] Offset end() const { return walked_.end; }
  /// Once all is read.
  [[nodiscard]] const Walked& outcome() const { return walked_; }

 private:
  /// False: there is none left.
  bool open_segment();
  Result<> pass_damaged(std::uint64_t position, const Error& cause);

  const std::shared_ptr<Log> log_;
  const std::uint64_t buffer_bytes_;
  const Torn torn_;
  Offset next_;
  Walked walked_;
  const std::vector<std::shared_ptr<Segment>> segments_;
  std::size_t segment_ = 0;  ///< The one that is read, or the next one.
  std::uint64_t segment_bytes_ = 0;
  std::optional<BatchScanner> scanner_;
  Offset least_;  ///< That the segment's next batch may have.
  std::uint64_t vouched_to_ = 0;
};

/// Walks to the end on `pool`; between two buffers others have their turns there, and `pause`
/// passes. `done` comes once, on the pool, unless that is stopped; an I/O error has been reported
/// to the log by then.
void walk_in_turns(std::shared_ptr<LogWalk> walk, LogWalk::Sink sink, env::Executor& pool,
                   env::Duration pause, Callback<Result<Walked>> done);

}  // namespace ottla::storage
