#pragma once

#include "common/metrics/metric.h"

namespace ottla::metrics {

// What Kafka does not measure; all begin with `ottla_`.

inline constexpr Metric kRequestDuration{
    .domain = "ottla",
    .type = "request",
    .name = "duration-seconds",
    .kind = Kind::Buckets,
    .labels = {"request"},
    .doc = "From the last byte of a request to the last of its answer.",
    .scale = 1000000};
inline constexpr Metric kFollowerBehind{
    .domain = "ottla",
    .type = "partition",
    .name = "follower-lag-records",
    .kind = Kind::Gauge,
    .labels = {"topic", "partition", "follower"},
    .doc = "Records that a follower is behind this leader, by its last word."};
inline constexpr Metric kTopicsWithoutId{
    .domain = "ottla",
    .type = "controller",
    .name = "topics-without-id",
    .kind = Kind::Gauge,
    .doc = "On the controller: topics whose znode an old tool wrote without an id, which nobody knows."};
inline constexpr Metric kLeaderEpoch{
    .domain = "ottla",
    .type = "partition",
    .name = "leader-epoch",
    .kind = Kind::Gauge,
    .labels = {"topic", "partition"},
    .doc = "Leader epoch of a led partition: each election raises it."};
inline constexpr Metric kLeaderChanges{.domain = "ottla",
                                       .type = "partition",
                                       .name = "leader-changes-total",
                                       .kind = Kind::Counter,
                                       .doc = "Leaderships that this broker took up."};
inline constexpr Metric kControllerEpoch{
    .domain = "ottla",
    .type = "controller",
    .name = "epoch",
    .kind = Kind::Gauge,
    .doc = "The newest controller epoch that this broker knows."};
inline constexpr Metric kZooKeeperSessionAge{
    .domain = "ottla",
    .type = "zookeeper",
    .name = "session-age-seconds",
    .kind = Kind::Gauge,
    .doc = "For how long the ZooKeeper session lives; 0 while there is none."};
inline constexpr Metric kZooKeeperSilence{
    .domain = "ottla",
    .type = "zookeeper",
    .name = "disconnected-seconds",
    .kind = Kind::Gauge,
    .doc = "For how long ZooKeeper has not been reached; 0 while it is."};
inline constexpr Metric kStreamInFlightBytes{
    .domain = "ottla",
    .type = "replication",
    .name = "stream-in-flight-bytes",
    .kind = Kind::Gauge,
    .labels = {"follower"},
    .doc = "Record bytes on their way to a follower that it has not taken yet."};
inline constexpr Metric kStreamPartitions{.domain = "ottla",
                                          .type = "replication",
                                          .name = "stream-partitions",
                                          .kind = Kind::Gauge,
                                          .labels = {"follower"},
                                          .doc = "Partitions that a follower follows here."};
inline constexpr Metric kHttpRequests{.domain = "ottla",
                                      .type = "http",
                                      .name = "requests-total",
                                      .kind = Kind::Counter,
                                      .labels = {"code"},
                                      .doc = "Requests to the HTTP listener."};
inline constexpr Metric kReady{.domain = "ottla",
                               .type = "broker",
                               .name = "ready",
                               .kind = Kind::Gauge,
                               .doc = "1 if /health/ready says so."};

inline constexpr const Metric* kOttlaMetrics[] = {
    &kRequestDuration,
    &kFollowerBehind,
    &kTopicsWithoutId,
    &kLeaderEpoch,
    &kLeaderChanges,
    &kControllerEpoch,
    &kZooKeeperSessionAge,
    &kZooKeeperSilence,
    &kStreamInFlightBytes,
    &kStreamPartitions,
    &kHttpRequests,
    &kReady,
};

}  // namespace ottla::metrics
