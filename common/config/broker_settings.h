#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/config/broker_values.h"

namespace ottla::config {

// What several keys say together.

/// `log.dirs`, or `log.dir` where it is unset. In the order given.
[[nodiscard]] std::vector<std::string> log_dirs(const BrokerValues& values);
/// `broker.id`, or `node.id`; nothing if an id must be generated.
[[nodiscard]] std::optional<std::int32_t> broker_id(const BrokerValues& values);
/// `zookeeper.connection.timeout.ms`, or the session's.
[[nodiscard]] std::chrono::milliseconds zookeeper_connection_timeout(const BrokerValues& values);
/// Whether `replica.selector.class` names the rack-aware one (KIP-392).
[[nodiscard]] bool selects_replica_by_rack(const BrokerValues& values);

/// What must hold between keys, as Kafka demands it at start; a line for each fault.
[[nodiscard]] std::vector<std::string> cross_key_faults(const BrokerValues& values);

}  // namespace ottla::config
