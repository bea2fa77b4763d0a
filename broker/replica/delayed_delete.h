#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "broker/replica/offset_queries.h"
#include "broker/replica/partition_lookup.h"
#include "broker/replica/partition_watcher.h"
#include "common/base/task.h"
#include "common/env/executor.h"

namespace ottla::replica {

/// DeleteRecords: raises the leaders' log start offsets and waits until all live replicas have
/// followed.
/// Thread: the caller's loop, except `on_partition_changed` (any).
class DelayedDelete final : public PartitionWatcher,
                            public std::enable_shared_from_this<DelayedDelete> {
 public:
  DelayedDelete(std::vector<DeleteRecordsQuery> queries,
                std::shared_ptr<const PartitionLookup> lookup, env::Executor& on,
                Callback<std::vector<DeletedRecords>> done);

  void start(env::Duration timeout);
  void on_partition_changed(std::uint32_t token, PartitionChange change) override;

 private:
  struct Target {
    std::shared_ptr<Partition> partition;  ///< Null: decided.
    Offset offset;
  };
  void evaluate(bool is_over);

  std::vector<DeleteRecordsQuery> queries_;
  std::shared_ptr<const PartitionLookup> lookup_;
  env::Executor& on_;
  Callback<std::vector<DeletedRecords>> done_;
  std::vector<Target> targets_;
  std::vector<DeletedRecords> answers_;
  env::TimerHandle timer_;
  bool is_answered_ = false;
  std::atomic<bool> wake_posted_ = false;
};

}  // namespace ottla::replica
