#pragma once

#include "broker/membership/back_off.h"
#include "common/base/id.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/zookeeper/client.h"
#include "common/zookeeper/store.h"

namespace ottla::membership {

/// Tells the controller, by a node in /log_dir_event_notification as Kafka does, that a log dir of
/// this broker has failed, or has room for replicas again that it had none for: it tells this
/// broker everything then, and the answer names the replicas that are offline. Repeated until it
/// stands in ZooKeeper. Thread: `loop`.
class FailureNotice {
 public:
  FailureNotice(zookeeper::Client& client, env::Executor& loop, env::Random& random,
                BrokerId broker)
      : store_(client, loop), loop_(loop), broker_(broker), back_off_(random) {}

  /// Which replicas are offline has changed.
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
  bool again_ = false;  ///< More has changed since the node under way was written.
  bool stopped_ = false;
  env::TimerHandle retry_;
};

}  // namespace ottla::membership
