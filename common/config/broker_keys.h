#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/config/key.h"

namespace ottla::config {

/// Allowed::Check of inter.broker.protocol.version: a release from 0.8.0 to 3.9, with or without
/// the -IV number inside it.
[[nodiscard]] std::optional<std::string> release_violation(const Value& value);

inline constexpr ConfigKey<std::int32_t> kBrokerId{
    .name = "broker.id",
    .fallback = -1,
    .importance = Importance::High,
    .doc =
        "This broker's number in the cluster. -1: one above reserved.broker.max.id is taken from "
        "ZooKeeper and kept in meta.properties."};
inline constexpr ConfigKey<std::int32_t> kNodeId{
    .name = "node.id",
    .fallback = -1,
    .importance = Importance::High,
    .doc = "Another name of broker.id; if both are set they must be equal."};
inline constexpr ConfigKey<bool> kBrokerIdGenerationEnable{
    .name = "broker.id.generation.enable",
    .fallback = true,
    .doc = "Whether a broker without broker.id may take a generated one."};
inline constexpr ConfigKey<std::int32_t> kReservedBrokerMaxId{
    .name = "reserved.broker.max.id",
    .fallback = 1000,
    .allowed = at_least(0),
    .doc = "The highest id that may be configured; generated ones begin above it."};
inline constexpr ConfigKey<std::optional<std::string>> kBrokerRack{
    .name = "broker.rack",
    .doc =
        "The failure domain of this broker: replicas are spread over racks, and a client that "
        "names its rack may fetch from a follower in it (KIP-36, KIP-392)."};
inline constexpr ConfigKey<std::string> kInterBrokerProtocolVersion{
    .name = "inter.broker.protocol.version",
    .fallback = "3.9-IV0",
    .allowed = checked_by(release_violation),
    .doc =
        "Accepted, without effect: two brokers agree on what they speak when they connect, so a "
        "rolling upgrade needs no second round. A Kafka release, such as 3.9 or 3.9-IV0."};

inline constexpr ConfigKey<std::string> kLogDir{
    .name = "log.dir",
    .fallback = "/tmp/kafka-logs",
    .allowed = non_empty(),
    .importance = Importance::High,
    .doc = "The directory for records, when log.dirs is unset."};
inline constexpr ConfigKey<std::optional<std::string>> kLogDirs{
    .name = "log.dirs",
    .importance = Importance::High,
    .doc = "The directories for records, separated by commas: one for each disk."};
inline constexpr ConfigKey<std::int32_t> kNumRecoveryThreadsPerDataDir{
    .name = "num.recovery.threads.per.data.dir",
    .fallback = 1,
    .allowed = at_least(1),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "Threads for each log directory that open logs at start and flush them at shutdown."};
inline constexpr ConfigKey<std::int32_t> kBackgroundThreads{
    .name = "background.threads",
    .fallback = 10,
    .allowed = at_least(1),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "Accepted, without effect: retention, deletion and checkpoints run on num.io.threads."};

inline constexpr ConfigKey<std::int32_t> kNumPartitions{
    .name = "num.partitions",
    .fallback = 1,
    .allowed = at_least(1),
    .doc = "Partitions of a topic that is created without a count."};
inline constexpr ConfigKey<std::int32_t> kDefaultReplicationFactor{
    .name = "default.replication.factor",
    .fallback = 1,
    .doc = "Replicas of a topic that is created without a count."};
inline constexpr ConfigKey<bool> kAutoCreateTopicsEnable{
    .name = "auto.create.topics.enable",
    .fallback = true,
    .importance = Importance::High,
    .doc = "Whether a client's question for an unknown topic creates it."};
inline constexpr ConfigKey<bool> kDeleteTopicEnable{.name = "delete.topic.enable",
                                                    .fallback = true,
                                                    .importance = Importance::High,
                                                    .doc = "Whether topics can be deleted."};

inline constexpr ConfigKey<bool> kControlledShutdownEnable{
    .name = "controlled.shutdown.enable",
    .fallback = true,
    .doc = "Whether a broker that is told to stop first hands its leaders over."};
inline constexpr ConfigKey<std::int32_t> kControlledShutdownMaxRetries{
    .name = "controlled.shutdown.max.retries",
    .fallback = 3,
    .doc =
        "The hand-over is tried again and again for this many times "
        "controlled.shutdown.retry.backoff.ms; then the broker stops without it."};
inline constexpr ConfigKey<std::int64_t> kControlledShutdownRetryBackoffMs{
    .name = "controlled.shutdown.retry.backoff.ms",
    .fallback = 5000,
    .doc = "See controlled.shutdown.max.retries."};

inline constexpr ConfigKey<std::int32_t> kProducerIdExpirationMs{
    .name = "producer.id.expiration.ms",
    .fallback = 86400000,
    .allowed = at_least(1),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::Low,
    .doc = "How long the state of an idempotent producer that writes no more is kept."};
inline constexpr ConfigKey<std::int32_t> kProducerIdExpirationCheckIntervalMs{
    .name = "producer.id.expiration.check.interval.ms",
    .fallback = 600000,
    .allowed = at_least(1),
    .importance = Importance::Low,
    .doc = "How often expired producer state is looked for."};
inline constexpr ConfigKey<bool> kTransactionPartitionVerificationEnable{
    .name = "transaction.partition.verification.enable",
    .fallback = true,
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::Low,
    .doc =
        "Whether a partition's leader asks the coordinator before the first record of a "
        "transaction (KIP-890)."};

inline constexpr AnyKey kBrokerKeys[] = {
    kBrokerId,
    kNodeId,
    kBrokerIdGenerationEnable,
    kReservedBrokerMaxId,
    kBrokerRack,
    kInterBrokerProtocolVersion,
    kLogDir,
    kLogDirs,
    kNumRecoveryThreadsPerDataDir,
    kBackgroundThreads,
    kNumPartitions,
    kDefaultReplicationFactor,
    kAutoCreateTopicsEnable,
    kDeleteTopicEnable,
    kControlledShutdownEnable,
    kControlledShutdownMaxRetries,
    kControlledShutdownRetryBackoffMs,
    kProducerIdExpirationMs,
    kProducerIdExpirationCheckIntervalMs,
    kTransactionPartitionVerificationEnable,
};

}  // namespace ottla::config
