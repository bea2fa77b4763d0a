#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/broker_client.h"
#include "cli/config_client.h"
#include "cli/reassignment_plan.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"

/// The limits of reassignments: which configs hold them, as Kafka's tool sets and clears them
/// (KIP-73).
namespace ottla::cli {

/// Who reads and who writes when a partition's replicas move.
struct ReplicaFlow {
  std::set<BrokerId> sources;
  std::set<BrokerId> destinations;
};
using ReplicaFlows = std::map<TopicPartition, ReplicaFlow>;

/// What goes from whom to whom: `current` has the replicas of before, `wanted` those of after.
[[nodiscard]] ReplicaFlow flow_of(const std::vector<BrokerId>& current,
                                  const std::vector<BrokerId>& wanted);

/// leader. and follower.replication.throttled.replicas of each topic.
[[nodiscard]] std::map<std::string, std::vector<ConfigEdit>> topic_throttles(
    const ReplicaFlows& flows);

/// Limits what the brokers of these flows send and take, and marks the replicas that move.
[[nodiscard]] Result<> set_replication_throttle(BrokerClient& client, const ReplicaFlows& flows,
                                                std::int64_t bytes_per_second);
/// Limits copies between log directories.
[[nodiscard]] Result<> set_log_dir_throttle(BrokerClient& client, const std::set<BrokerId>& brokers,
                                            std::int64_t bytes_per_second);

/// Removes all these limits from the topics and brokers that answer; the error names the others.
[[nodiscard]] Result<> clear_throttles(BrokerClient& client, const std::set<BrokerId>& brokers,
                                       const std::set<std::string>& topics);

}  // namespace ottla::cli
