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

inline constexpr ConfigKey<std::optional<std::int64_t>> kOttlaLogDirReserveBytes{
    .name = "ottla.log.dir.reserve.bytes",
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc =
        "Size of a file in each log dir that is given up when the volume is full, so that "
        "checkpoints, deletions and a start still find room; 0 is none. Unset: 32 MiB, at most 1 "
        "% of the volume."};
inline constexpr ConfigKey<std::optional<std::int64_t>> kOttlaLogDirMinFreeBytes{
    .name = "ottla.log.dir.min.free.bytes",
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc =
        "With less than this free on its volume, beside the reserve, a log dir refuses records of "
        "clients with the retriable KAFKA_STORAGE_ERROR; replication, coordinators, reads and "
        "deletions go on. Unset: 128 MiB, at most 2 % of the volume."};
inline constexpr ConfigKey<std::int32_t> kOttlaLogDirMinFreePercent{
    .name = "ottla.log.dir.min.free.percent",
    .fallback = 0,
    .allowed = range(0, 90),
    .dynamic = Dynamic::ClusterWide,
    .doc = "As ottla.log.dir.min.free.bytes, in percent of the volume; the larger of both counts."};
inline constexpr ConfigKey<std::int32_t> kOttlaLogDirProbeIntervalMs{
    .name = "ottla.log.dir.probe.interval.ms",
    .fallback = 5000,
    .allowed = at_least(10).or_else(-1),
    .doc =
        "A log dir that failed is probed after this long, later less often, and taken into use "
        "again when it works; -1: not before a restart."};

inline constexpr AnyKey kOttlaKeys[] = {
    kOttlaLogDirReserveBytes,   kOttlaLogDirMinFreeBytes,
    kOttlaLogDirMinFreePercent, kOttlaLogDirProbeIntervalMs,
    kOttlaGrpcListener,         kOttlaGrpcAdvertisedHost,
    kOttlaSuspicionTimeoutMs,   kOttlaFailoverProbeIntervalMs,
};

}  // namespace ottla::config
