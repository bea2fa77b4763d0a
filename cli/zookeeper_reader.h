#pragma once

#include <chrono>
#include <string>

#include "cli/cluster_state.h"
#include "common/base/error.h"

namespace ottla::cli {

/// Reads the state of the cluster from ZooKeeper alone: it works when no broker answers. `connect`
/// is zookeeper.connect, chroot included. Errors: BrokerNotAvailable when ZooKeeper does not answer
/// in time or holds no cluster.
[[nodiscard]] Result<ClusterState> read_from_zookeeper(const std::string& connect,
                                                       std::chrono::milliseconds timeout);

}  // namespace ottla::cli
