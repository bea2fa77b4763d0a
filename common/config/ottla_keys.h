#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/config/key.h"

namespace ottla::config {

// What Kafka has no key for. All begin with `ottla.`, so that a Kafka broker that is given the same
// file ignores them.

inline constexpr ConfigKey<std::string> kOttlaGrpcListener{
    .name = "ottla.grpc.listener",
    .fallback = "0.0.0.0:0",
    .allowed = non_empty(),
    .doc =
        "host:port where other brokers reach this one over gRPC; port 0 is any free one. The port "
        "in use is announced in the broker's registration."};
inline constexpr ConfigKey<std::optional<std::string>> kOttlaGrpcAdvertisedHost{
    .name = "ottla.grpc.advertised.host",
    .doc =
        "The host under which other brokers find the gRPC listener. Unset: the host that the "
        "inter-broker listener advertises."};
inline constexpr ConfigKey<std::int32_t> kOttlaSuspicionTimeoutMs{
    .name = "ottla.suspicion.timeout.ms",
    .fallback = 1500,
    .allowed = at_least(50),
    .doc =
        "A broker that is silent for this long is suspected: its leaders move, while ZooKeeper "
        "still decides whether it is dead."};
inline constexpr ConfigKey<std::int32_t> kOttlaFailoverProbeIntervalMs{
    .name = "ottla.failover.probe.interval.ms",
    .fallback = 300,
    .allowed = at_least(10),
    .doc = "How often a broker shows its peers that it lives when it has nothing else to send."};

inline constexpr AnyKey kOttlaKeys[] = {
    kOttlaGrpcListener,
    kOttlaGrpcAdvertisedHost,
    kOttlaSuspicionTimeoutMs,
    kOttlaFailoverProbeIntervalMs,
};

}  // namespace ottla::config
