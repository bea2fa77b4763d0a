#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/config/key.h"

namespace ottla::config {

inline constexpr ConfigKey<std::optional<std::string>> kZookeeperConnect{
    .name = "zookeeper.connect",
    .importance = Importance::High,
    .doc =
        "The ZooKeeper servers: host:port, separated by commas, with a chroot behind the last if "
        "the cluster lives under one (zk1:2181,zk2:2181/kafka). Required."};
inline constexpr ConfigKey<std::int32_t> kZookeeperSessionTimeoutMs{
    .name = "zookeeper.session.timeout.ms",
    .fallback = 18000,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "After this much silence ZooKeeper declares the broker dead."};
inline constexpr ConfigKey<std::optional<std::int32_t>> kZookeeperConnectionTimeoutMs{
    .name = "zookeeper.connection.timeout.ms",
    .importance = Importance::High,
    .doc = "How long a start waits for ZooKeeper. Unset: zookeeper.session.timeout.ms."};
inline constexpr ConfigKey<std::int32_t> kZookeeperMaxInFlightRequests{
    .name = "zookeeper.max.in.flight.requests",
    .fallback = 10,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "Requests to ZooKeeper that may be under way at once."};

inline constexpr AnyKey kZookeeperKeys[] = {
    kZookeeperConnect,
    kZookeeperSessionTimeoutMs,
    kZookeeperConnectionTimeoutMs,
    kZookeeperMaxInFlightRequests,
};

}  // namespace ottla::config
