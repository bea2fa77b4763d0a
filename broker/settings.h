#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/group/group_config.h"
#include "broker/network/network.h"
#include "broker/replica/replicas_config.h"
#include "broker/storage/disk_probe.h"
#include "broker/storage/log_cleaner.h"
#include "broker/storage/log_store.h"
#include "broker/transaction/transaction_config.h"
#include "common/config/broker_config.h"
#include "common/config/listeners.h"
#include "common/rpc/grpc_liveness.h"
#include "common/zookeeper/c_client.h"
#include "controller/config.h"

/// What each part of the broker is told of server.properties: the one place where config keys and
/// parts meet.
namespace ottla::broker {

/// As the configs say at each call; `config` outlives it.
[[nodiscard]] std::function<storage::SpaceLimits()> space_limits(config::BrokerConfig& config);
[[nodiscard]] storage::LogStoreOptions log_store_options(const config::BrokerValues& values);
[[nodiscard]] storage::LogCleanerOptions log_cleaner_options(const config::BrokerValues& values);
[[nodiscard]] storage::DiskProbe::Options disk_probe_options(const config::BrokerValues& values);
[[nodiscard]] zookeeper::ClientSettings zookeeper_settings(const config::BrokerValues& values);
[[nodiscard]] controller::TopicRules topic_rules(const config::BrokerValues& values);
[[nodiscard]] network::NetworkOptions network_options(const config::BrokerValues& values);
Result<std::vector<network::ListenerOptions>> listener_options(const config::BrokerValues& values);
[[nodiscard]] rpc::GrpcLivenessMonitor::Options liveness_options(
    const config::BrokerValues& values);
[[nodiscard]] replica::ReplicasConfig replicas_config(const config::BrokerValues& values,
                                                      BrokerId broker);
[[nodiscard]] group::GroupConfig group_config(const config::BrokerValues& values);
[[nodiscard]] transaction::TransactionConfig transaction_config(const config::BrokerValues& values);
/// This host's name as others resolve it: what is advertised where no host is configured.
[[nodiscard]] std::string local_host_name();
/// `config` outlives what is returned: topic configs are checked against it.
[[nodiscard]] controller::ControllerConfig controller_config(config::BrokerConfig& config,
                                                             BrokerId broker);

}  // namespace ottla::broker
