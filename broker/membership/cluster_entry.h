#pragma once

#include <cstdint>
#include <string>

#include "broker/membership/back_off.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/env/executor.h"
#include "common/env/random.h"
#include "common/zookeeper/client.h"
#include "common/zookeeper/store.h"

namespace ottla::membership {

/// What a starting broker learns from ZooKeeper before it opens its log directories.
struct ClusterIdentity {
  std::string cluster_id;
  /// The configured id, or a generated one.
  BrokerId broker_id;
};

struct ClusterEntrySettings {
  BrokerId broker_id = kNoBroker;  ///< broker.id; kNoBroker generates one.
  /// Generated ids begin above it (reserved.broker.max.id).
  std::int32_t reserved_broker_max_id = 1000;
};

/// The first steps in ZooKeeper: the paths that all brokers create, the cluster's id (made up on
/// the very first start of all), and a broker id if none is configured. Steps whose outcome is
/// unknown are repeated: each may be done twice (a generated id is then skipped). Tries for ever.
/// Thread: `loop`.
class ClusterEntry {
 public:
  ClusterEntry(zookeeper::Client& client, env::Executor& loop, env::Random& random,
               ClusterEntrySettings settings);

  /// `done` comes on the loop. UnknownServerError: /cluster/id stands there but cannot be
  /// understood.
  void enter(Callback<Result<ClusterIdentity>> done);

 private:
  void create_paths();
  void find_cluster_id();
  void find_broker_id();
  /// Later again, or the end when waiting would not help.
  void failed(zookeeper::StoreError error, void (ClusterEntry::*step)());

  zookeeper::Store store_;
  env::Executor& loop_;
  const ClusterEntrySettings settings_;
  const std::string candidate_id_;
  BackOff back_off_;
  ClusterIdentity identity_;
  Callback<Result<ClusterIdentity>> done_;
  env::TimerHandle retry_;
};

}  // namespace ottla::membership
