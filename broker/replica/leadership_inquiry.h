#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "broker/replica/partition.h"
#include "broker/replica/partition_watcher.h"
#include "common/base/task.h"
#include "common/env/executor.h"

namespace ottla::replica {

/// One who waits to hear whether a partition's leader still is one (LeadershipQuestions), or for a
/// timeout.
/// Thread: the caller's loop, except `on_commit_decided` (any).
class LeadershipInquiry final : public CommitWaiter,
                                public std::enable_shared_from_this<LeadershipInquiry> {
 public:
  LeadershipInquiry(std::shared_ptr<Partition> partition, env::Executor& on,
                    Callback<ErrorCode> done);

  /// `must_be_certain`: LeadershipQuestions::Asker.
  void start(bool must_be_certain, env::Duration timeout);
  void on_commit_decided(std::uint32_t token, ErrorCode outcome) override;

 private:
  /// Answers on the caller's loop, unless it is answered.
  void decide(ErrorCode outcome);

  const std::shared_ptr<Partition> partition_;
  env::Executor& on_;
  Callback<ErrorCode> done_;
  env::TimerHandle timer_;
  std::atomic<bool> is_decided_ = false;
};

}  // namespace ottla::replica
