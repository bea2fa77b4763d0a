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
inline constexpr ConfigKey<std::optional<std::string>> kOttlaHttpListener{
    .name = "ottla.http.listener",
    .doc =
        "host:port of /metrics for Prometheus, /health/live, /health/ready and the status page, "
        "for whoever can connect; port 0 is any free one. Unset: none of it, as Kafka opens no "
        "such port. 9404 is the usual port of Kafka's JMX exporter."};
inline constexpr ConfigKey<std::optional<std::string>> kOttlaHttpAdvertisedHost{
    .name = "ottla.http.advertised.host",
    .doc =
        "The host under which browsers find the HTTP listener, so that one broker's status page "
        "can show what the others know. Unset: the host that the inter-broker listener "
        "advertises."};
inline constexpr ConfigKey<std::int32_t> kOttlaHttpMaxConnections{
    .name = "ottla.http.max.connections",
    .fallback = 64,
    .allowed = range(1, 10'000),
    .doc =
        "Connections of the HTTP listener at a time; one more ends the one that has waited "
        "longest."};
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

inline constexpr ConfigKey<std::int32_t> kOttlaSlowDiskOperationMs{
    .name = "ottla.slow.disk.operation.ms",
    .fallback = 1000,
    .allowed = at_least(0),
    .doc =
        "The broker tests each log dir: it writes, syncs and reads a few bytes all the time. An "
        "operation that takes as long is slow. 0: no test."};
inline constexpr ConfigKey<std::int32_t> kOttlaSlowDiskPatienceMs{
    .name = "ottla.slow.disk.patience.ms",
    .fallback = 5000,
    .allowed = at_least(1),
    .doc =
        "After so much time in slow operations, less the time between them, a log dir is slow: its "
        "leaders are handed over to replicas in sync that are not slow, before the ISR shrinks or "
        "the disk dies."};
inline constexpr ConfigKey<std::int32_t> kOttlaSlowDiskRecoveryMs{
    .name = "ottla.slow.disk.recovery.ms",
    .fallback = 60000,
    .allowed = at_least(1),
    .doc =
        "After so long without a slow operation a slow log dir is well again, and its replicas may "
        "lead: the balance of leaders gives them back."};

inline constexpr ConfigKey<std::int64_t> kOttlaCutRecordsRetentionMs{
    .name = "ottla.cut.records.retention.ms",
    .fallback = 604'800'000,
    .allowed = at_least(-1),
    .doc =
        "What an unclean election cuts although somebody could read it is kept for as long in a "
        "file ottla-cut.* of the log dir, for ottla dump-log. -1: for ever."};
inline constexpr ConfigKey<std::int64_t> kOttlaCutRecordsMaxBytes{
    .name = "ottla.cut.records.max.bytes",
    .fallback = 1'073'741'824,
    .allowed = at_least(0),
    .doc =
        "So much of it is kept in each log dir: the oldest makes room. Nothing is kept on a volume "
        "that is nearly full. 0: never."};
inline constexpr ConfigKey<std::int64_t> kOttlaStrayRetentionMs{
    .name = "ottla.stray.retention.ms",
    .fallback = 604'800'000,
    .allowed = at_least(-1),
    .doc =
        "A log that turns out not to be assigned to this broker is put aside as *-stray, and "
        "removed after so long. -1: never."};

inline constexpr ConfigKey<std::optional<std::int64_t>> kOttlaColdReadBytesPerSecondPerClient{
    .name = "ottla.cold.read.bytes.per.second.per.client",
    .allowed = at_least(1),
    .dynamic = Dynamic::ClusterWide,
    .doc =
        "What the fetches of one client (client.id and address) get from the disk at most, so that "
        "one that reads old data leaves the disk to the others. Records that are in the page cache "
        "do not count, nor does replication. Unset: no limit; clients take turns all the same."};

inline constexpr ConfigKey<std::int32_t> kOttlaTransactionVersion{
    .name = "ottla.transaction.version",
    .fallback = 2,
    .allowed = range(0, 2),
    .doc =
        "The transaction.version that clients are told in ApiVersions, the same on all brokers. "
        "From 2 on those that know it (Java 4.0) raise the producer's epoch with each transaction "
        "and save a request for each partition (KIP-890)."};

inline constexpr AnyKey kOttlaKeys[] = {
    kOttlaLogDirReserveBytes,
    kOttlaLogDirMinFreeBytes,
    kOttlaLogDirMinFreePercent,
    kOttlaLogDirProbeIntervalMs,
    kOttlaGrpcListener,
    kOttlaGrpcAdvertisedHost,
    kOttlaHttpListener,
    kOttlaHttpAdvertisedHost,
    kOttlaHttpMaxConnections,
    kOttlaSuspicionTimeoutMs,
    kOttlaFailoverProbeIntervalMs,
    kOttlaSlowDiskOperationMs,
    kOttlaSlowDiskPatienceMs,
    kOttlaSlowDiskRecoveryMs,
    kOttlaCutRecordsRetentionMs,
    kOttlaCutRecordsMaxBytes,
    kOttlaStrayRetentionMs,
    kOttlaColdReadBytesPerSecondPerClient,
    kOttlaTransactionVersion,
};

}  // namespace ottla::config
