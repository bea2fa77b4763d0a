#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "broker/replica/partition.h"
#include "broker/replica/surroundings.h"
#include "common/base/mutex.h"
#include "common/base/topic_partition.h"
#include "common/env/executor.h"

namespace ottla::replica {

/// Carries the partitions' ISR requests to the controller, many in one call, and the answers back.
/// Each partition has at most one under way (Isr sees to it); one whose outcome is not known or not
/// final is sent again after a pause, until the controller's state settles it (W16, W17).
/// Thread: any (mutex_, LockRank::Leaf); answers are worked off on the control loop.
class IsrRequests : public std::enable_shared_from_this<IsrRequests> {
 public:
  using Find = std::function<std::shared_ptr<Partition>(const TopicPartition&)>;

  IsrRequests(IsrChanges& changes, env::Executor& control, Find find);

  void request(rpc::AlterPartition request) OTTLA_EXCLUDES(mutex_);
  void stop();

 private:
  void flush() OTTLA_EXCLUDES(mutex_);
  void on_reply(const std::vector<rpc::AlterPartition>& asked,
                const Result<rpc::AlterPartitionReply>& reply);
  void repeat_later(const TopicPartition& partition);
  void repeat();

  IsrChanges& changes_;
  env::Executor& control_;
  const Find find_;

  // The control loop's.
  std::set<TopicPartition> to_repeat_;
  env::TimerHandle repeat_timer_;
  bool stopped_ = false;

  Mutex mutex_{LockRank::Leaf};
  std::vector<rpc::AlterPartition> queue_ OTTLA_GUARDED_BY(mutex_);
  bool flush_posted_ OTTLA_GUARDED_BY(mutex_) = false;
};

}  // namespace ottla::replica
