#pragma once

#include "broker/membership/back_off.h"
#include "common/base/id.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/zookeeper/client.h"
#include "common/zookeeper/store.h"

namespace ottla::membership {

/// Tells the controller, by a node in /log_dir_event_notification as Kafka does, that a log dir of
/// this broker has failed: it asks then which replicas were lost, and moves their leaders. Repeated
/// until it stands in ZooKeeper.
/// Thread: `loop`.
class FailureNotice {
 public:
  FailureNotice(zookeeper::Client& client, env::Executor& loop, env::Random& random,
                BrokerId broker)
      : store_(client, loop), loop_(loop), broker_(broker), back_off_(random) {}

  /// A log dir has failed. Its replicas are offline by now.
  void post();
  /// No further attempt.
  void stop();

 private:
  void write();

  zookeeper::Store store_;
  env::Executor& loop_;
  const BrokerId broker_;
  BackOff back_off_;
  bool writing_ = false;
  bool again_ = false;  ///< Another one failed since the node under way was written.
  bool stopped_ = false;
  env::TimerHandle retry_;
};

}  // namespace ottla::membership
