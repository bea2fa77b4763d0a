#pragma once

#include <vector>

#include "common/cluster/broker.h"
#include "common/env/random.h"
#include "common/zookeeper/store.h"
#include "controller/config.h"
#include "controller/service.h"

namespace ottla::controller {

/// Writes the topics to ZooKeeper as any broker may (automatic creation); the controller sees them
/// and creates the partitions. Must not outlive the store.
/// Thread: the store's executor.
void create_from_any_broker(zookeeper::Store& store, const ControllerConfig& config,
                            env::Random& random, std::vector<NewTopic> topics,
                            std::vector<cluster::Broker> live,
                            Callback<std::vector<CreatedTopic>> done);

}  // namespace ottla::controller
