#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "common/config/key.h"

namespace ottla::config {

inline constexpr ConfigKey<std::int32_t> kMinInsyncReplicas{
    .name = "min.insync.replicas",
    .fallback = 1,
    .allowed = at_least(1),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "How many replicas must be in sync for a produce with acks=all to be accepted."};
inline constexpr ConfigKey<bool> kUncleanLeaderElectionEnable{
    .name = "unclean.leader.election.enable",
    .fallback = false,
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc =
        "Whether a replica that is not in sync may become leader when no other lives. It loses "
        "acknowledged records."};

inline constexpr ConfigKey<bool> kAutoLeaderRebalanceEnable{
    .name = "auto.leader.rebalance.enable",
    .fallback = true,
    .importance = Importance::High,
    .doc = "Whether the controller gives partitions back to their preferred leaders by itself."};
inline constexpr ConfigKey<std::int64_t> kLeaderImbalanceCheckIntervalSeconds{
    .name = "leader.imbalance.check.interval.seconds",
    .fallback = 300,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "How often the controller looks whether leaders are where they are preferred."};
inline constexpr ConfigKey<std::int32_t> kLeaderImbalancePerBrokerPercentage{
    .name = "leader.imbalance.per.broker.percentage",
    .fallback = 10,
    .importance = Importance::High,
    .doc =
        "The controller acts when more than this share of the partitions that prefer a broker "
        "are led by another."};

inline constexpr ConfigKey<std::int64_t> kReplicaLagTimeMaxMs{
    .name = "replica.lag.time.max.ms",
    .fallback = 30000,
    .importance = Importance::High,
    .doc = "A follower that has not reached the leader's log end for this long leaves the ISR."};
inline constexpr ConfigKey<std::int32_t> kReplicaFetchMinBytes{
    .name = "replica.fetch.min.bytes",
    .fallback = 1,
    .importance = Importance::High,
    .doc =
        "Accepted, without effect: leaders send what they have at once, followers do not fetch."};
inline constexpr ConfigKey<std::int32_t> kReplicaFetchMaxBytes{
    .name = "replica.fetch.max.bytes",
    .fallback = 1048576,
    .allowed = at_least(0),
    .doc =
        "Accepted, without effect: leaders send, followers do not fetch; a message of the stream "
        "has a size of its own."};
inline constexpr ConfigKey<std::int32_t> kReplicaFetchResponseMaxBytes{
    .name = "replica.fetch.response.max.bytes",
    .fallback = 10485760,
    .allowed = at_least(0),
    .doc =
        "Accepted, without effect: leaders send, followers do not fetch; a message of the stream "
        "has a size of its own."};
inline constexpr ConfigKey<std::int32_t> kReplicaFetchWaitMaxMs{
    .name = "replica.fetch.wait.max.ms",
    .fallback = 500,
    .importance = Importance::High,
    .doc =
        "The longest a leader holds a follower's fetch, and the longest silence on a replication "
        "stream; at most replica.lag.time.max.ms."};
inline constexpr ConfigKey<std::int32_t> kReplicaFetchBackoffMs{
    .name = "replica.fetch.backoff.ms",
    .fallback = 1000,
    .allowed = at_least(0),
    .doc =
        "Accepted, without effect: a follower tries again after 5 to 500 ms, as long as it fails "
        "ever later."};
inline constexpr ConfigKey<std::int32_t> kReplicaSocketTimeoutMs{
    .name = "replica.socket.timeout.ms",
    .fallback = 30000,
    .importance = Importance::High,
    .doc =
        "How long a follower waits for a leader that answers nothing; at least "
        "replica.fetch.wait.max.ms."};
inline constexpr ConfigKey<std::int32_t> kReplicaSocketReceiveBufferBytes{
    .name = "replica.socket.receive.buffer.bytes",
    .fallback = 65536,
    .importance = Importance::High,
    .doc = "Accepted, without effect: the kernel sizes the buffers of replication streams."};
inline constexpr ConfigKey<std::int64_t> kReplicaHighWatermarkCheckpointIntervalMs{
    .name = "replica.high.watermark.checkpoint.interval.ms",
    .fallback = 5000,
    .importance = Importance::High,
    .doc = "How often high watermarks are saved to replication-offset-checkpoint."};
inline constexpr ConfigKey<std::int32_t> kNumReplicaFetchers{
    .name = "num.replica.fetchers",
    .fallback = 1,
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc =
        "Accepted, without effect: one stream between two brokers carries all their partitions, "
        "and needs no round trip for each fetch that more streams would hide."};
inline constexpr ConfigKey<std::optional<std::int32_t>> kNumReplicaAlterLogDirsThreads{
    .name = "num.replica.alter.log.dirs.threads",
    .importance = Importance::High,
    .doc =
        "Partitions that are copied to another log dir at the same time; unset: as many as there "
        "are log dirs."};
inline constexpr ConfigKey<std::int64_t> kReplicaAlterLogDirsIoMaxBytesPerSecond{
    .name = "replica.alter.log.dirs.io.max.bytes.per.second",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .shown_if_set = true,
    .doc = "Bytes a second that moves between this broker's log dirs may copy, all together."};
inline constexpr ConfigKey<std::int64_t> kLeaderReplicationThrottledRate{
    .name = "leader.replication.throttled.rate",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .shown_if_set = true,
    .doc =
        "Bytes a second that this broker sends to followers that are not in sync, of the replicas "
        "that topics name in leader.replication.throttled.replicas (KIP-73)."};
inline constexpr ConfigKey<std::int64_t> kFollowerReplicationThrottledRate{
    .name = "follower.replication.throttled.rate",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .shown_if_set = true,
    .doc =
        "Bytes a second that this broker takes from leaders while it is not in sync, of the "
        "replicas that topics name in follower.replication.throttled.replicas (KIP-73)."};
inline constexpr ConfigKey<std::optional<std::string>> kReplicaSelectorClass{
    .name = "replica.selector.class",
    .doc =
        "Who chooses the replica that a consumer fetches from: "
        "org.apache.kafka.common.replica.RackAwareReplicaSelector or unset, the leader."};
inline constexpr ConfigKey<std::int32_t> kControllerSocketTimeoutMs{
    .name = "controller.socket.timeout.ms",
    .fallback = 30000,
    .doc = "How long controller and brokers wait for an answer of each other."};

inline constexpr AnyKey kReplicationKeys[] = {
    kMinInsyncReplicas,
    kUncleanLeaderElectionEnable,
    kAutoLeaderRebalanceEnable,
    kLeaderImbalanceCheckIntervalSeconds,
    kLeaderImbalancePerBrokerPercentage,
    kReplicaLagTimeMaxMs,
    kReplicaFetchMinBytes,
    kReplicaFetchMaxBytes,
    kReplicaFetchResponseMaxBytes,
    kReplicaFetchWaitMaxMs,
    kReplicaFetchBackoffMs,
    kReplicaSocketTimeoutMs,
    kReplicaSocketReceiveBufferBytes,
    kReplicaHighWatermarkCheckpointIntervalMs,
    kNumReplicaFetchers,
    kNumReplicaAlterLogDirsThreads,
    kReplicaAlterLogDirsIoMaxBytesPerSecond,
    kLeaderReplicationThrottledRate,
    kFollowerReplicationThrottledRate,
    kReplicaSelectorClass,
    kControllerSocketTimeoutMs,
};

}  // namespace ottla::config
