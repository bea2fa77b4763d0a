#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "broker/replica/log_move.h"
#include "broker/storage/log.h"
#include "common/base/topic_partition.h"

namespace ottla::storage {
class LogStore;
}  // namespace ottla::storage

namespace ottla::replica {

/// Takes the steps of a LogMove.
/// Thread: one at a time; the I/O pool, and the replica control loop for the switch.
class LogMover {
 public:
  LogMover(storage::LogStore& logs, TopicPartition partition, std::shared_ptr<storage::Log> log,
           std::shared_ptr<storage::Log> future);

  struct Progress {
    enum class Next : std::uint8_t { Step, Switch, Done } next = Next::Step;
    std::uint64_t bytes = 0;  ///< Copied.
  };
  /// One step; copies at most `max_bytes`, or one batch. Blocks. Errors: those of the logs; a step
  /// that failed can be tried again.
  Result<Progress> step(std::uint64_t max_bytes);
  /// The step that `Progress::Next::Switch` asks for, while nobody appends to the log or cuts it.
  /// Writes to the page cache only, as a rule. False: to be tried again, after more steps.
  Result<bool> switch_over();

  [[nodiscard]] LogMove::State state() const { return move_.state(); }
  [[nodiscard]] const std::shared_ptr<storage::Log>& log() const { return log_; }
  [[nodiscard]] const std::shared_ptr<storage::Log>& future() const { return future_; }

 private:
  [[nodiscard]] LogMove::Picture picture();
  Result<std::uint64_t> copy(std::uint64_t max_bytes);
  Result<> cut(const LogMove::Step& step);

  storage::LogStore& logs_;
  const TopicPartition partition_;
  const std::shared_ptr<storage::Log> log_;
  const std::shared_ptr<storage::Log> future_;
  LogMove move_;
  std::uint64_t cuts_ = 0;
};

}  // namespace ottla::replica
