#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "broker/replica/log_mover.h"
#include "broker/replica/partition.h"
#include "common/base/topic_partition.h"
#include "common/env/clock.h"
#include "common/env/executor.h"

namespace ottla::replica {

/// Since the start, but for `under_way`. Thread: any.
struct LogMoveCounts {
  std::atomic<std::int64_t> under_way = 0;  ///< Those that wait for their turn too.
  std::atomic<std::int64_t> completed = 0;
  std::atomic<std::int64_t> bytes_copied = 0;
  std::atomic<std::int64_t> failures = 0;  ///< Of steps; most are tried again.
};

/// The moves between this broker's log dirs that are under way: a future log that is there is
/// copied to its end on the I/O pool, a few at a time, and takes the log's place. What fails, but
/// for a failed log dir, is tried again after a pause.
/// Thread: the replica control loop.
class LogMoves final : public std::enable_shared_from_this<LogMoves> {
 public:
  struct Options {
    std::size_t at_once = 1;
    std::function<std::int64_t()> bytes_per_second = nullptr;  ///< Of all moves; empty: no limit.
    /// What happens is counted here.
    std::shared_ptr<LogMoveCounts> counts = std::make_shared<LogMoveCounts>();
  };
  /// `on_end` hears of moves that are done.
  LogMoves(storage::LogStore& logs, const env::Clock& clock, env::Executor& control,
           env::Executor& io, Options options, std::function<void(const TopicPartition&)> on_end);
  ~LogMoves();

  /// Goes on with the partition's future log, if there is one and it has not begun to.
  void start(const std::shared_ptr<Partition>& partition);
  /// For now, or for ever: its logs stay as they are. One that has switched over is not stopped.
  void stop(const TopicPartition& partition);
  void stop();
  /// Whether the partition has switched over and its old log is not removed yet.
  [[nodiscard]] bool is_ending(const TopicPartition& partition) const;

 private:
  struct Move;
  using MovePointer = std::shared_ptr<Move>;

  void activate();
  void run(const MovePointer& move, env::Duration pause);
  void on_progress(const MovePointer& move, const Result<LogMover::Progress>& progress);
  void switch_over(const MovePointer& move);
  void end(const MovePointer& move);
  [[nodiscard]] env::Duration pause_for(std::uint64_t bytes);

  storage::LogStore& logs_;
  const env::Clock& clock_;
  env::Executor& control_;
  env::Executor& io_;
  const Options options_;
  const std::function<void(const TopicPartition&)> on_end_;
  std::map<TopicPartition, MovePointer> moves_;
  /// Stopped in the middle of a turn, which still uses the logs; and who is to go on after it.
  std::map<TopicPartition, std::shared_ptr<Partition>> draining_;
  std::size_t active_ = 0;
  env::MonotonicTime free_at_{};  ///< When what was copied is paid for.
};

}  // namespace ottla::replica
