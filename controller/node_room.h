#pragma once

#include <cstddef>
#include <cstdint>

#include "common/cluster/partition.h"

/// How much of a topic's znode its assignments take.
namespace ottla::controller {

/// What ZooKeeper takes in one request (jute.maxbuffer), less some for path and header: a larger
/// one closes the session, and would again after each reconnection.
inline constexpr std::size_t kNodeBytes = 1'000'000;

/// Bytes of one partition in /brokers/topics/TOPIC, with the replicas that it adds and removes.
[[nodiscard]] std::size_t node_bytes(std::int32_t partition, const cluster::Assignment& assignment);

}  // namespace ottla::controller
