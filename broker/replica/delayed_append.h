#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/replica/append.h"
#include "broker/replica/partition.h"
#include "broker/replica/partition_watcher.h"
#include "common/base/task.h"
#include "common/env/executor.h"

namespace ottla::replica {

/// An acks=all append that waits until each of its partitions is decided, or for its timeout.
///
/// Each waiting slot is decided exactly once, by whoever takes it first: the partition, or the
/// timeout. The last one posts the answer to the caller's loop.
/// Thread: the caller's loop, except `on_commit_decided` (any).
class DelayedAppend final : public CommitWaiter,
                            public std::enable_shared_from_this<DelayedAppend> {
 public:
  struct Waiting {
    std::size_t slot;  ///< Index in the result.
    std::shared_ptr<Partition> partition;
    Offset required_end;
    LeaderEpoch appended_in;
  };

  DelayedAppend(AppendResult result, std::vector<Waiting> waiting, env::Executor& on,
                Callback<AppendResult> done);

  void start(env::Duration timeout);
  void on_commit_decided(std::uint32_t token, ErrorCode outcome) override;

 private:
  /// Decides slot `token` unless it is decided; true if this call did it.
  bool decide(std::uint32_t token, ErrorCode outcome);
  void on_timeout();
  void finish_one();

  AppendResult result_;
  std::vector<Waiting> waiting_;
  std::vector<std::atomic<bool>> decided_;
  std::atomic<std::size_t> undecided_;
  env::Executor& on_;
  Callback<AppendResult> done_;
  env::TimerHandle timer_;
};

}  // namespace ottla::replica
