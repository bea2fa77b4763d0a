#pragma once

#include <cstdint>
#include <limits>

#include "common/config/key.h"

namespace ottla::config {

inline constexpr ConfigKey<std::int32_t> kGroupMinSessionTimeoutMs{
    .name = "group.min.session.timeout.ms",
    .fallback = 6000,
    .doc = "The shortest session timeout that a member of a group may ask for."};
inline constexpr ConfigKey<std::int32_t> kGroupMaxSessionTimeoutMs{
    .name = "group.max.session.timeout.ms",
    .fallback = 1800000,
    .doc = "The longest session timeout that a member of a group may ask for."};
inline constexpr ConfigKey<std::int32_t> kGroupInitialRebalanceDelayMs{
    .name = "group.initial.rebalance.delay.ms",
    .fallback = 3000,
    .doc =
        "How long an empty group waits for more members before its first rebalance; each new one "
        "prolongs the wait, up to the rebalance timeout."};
inline constexpr ConfigKey<std::int32_t> kGroupMaxSize{
    .name = "group.max.size",
    .fallback = std::numeric_limits<std::int32_t>::max(),
    .allowed = at_least(1),
    .doc = "The most members that a group may have."};
inline constexpr ConfigKey<std::int32_t> kOffsetMetadataMaxBytes{
    .name = "offset.metadata.max.bytes",
    .fallback = 4096,
    .importance = Importance::High,
    .doc = "The longest text that a client may store with an offset."};
inline constexpr ConfigKey<std::int16_t> kOffsetsCommitRequiredAcks{
    .name = "offsets.commit.required.acks",
    .fallback = -1,
    .allowed = range(-1, 1),
    .importance = Importance::High,
    .doc =
        "Acknowledgements that a commit waits for. Anything but -1, all replicas in sync, loses "
        "commits in a failover."};
inline constexpr ConfigKey<std::int32_t> kOffsetsCommitTimeoutMs{
    .name = "offsets.commit.timeout.ms",
    .fallback = 5000,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "How long a commit waits until the replicas of __consumer_offsets have it."};
inline constexpr ConfigKey<std::int32_t> kOffsetsLoadBufferSize{
    .name = "offsets.load.buffer.size",
    .fallback = 5242880,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "Bytes that are read at once when groups are loaded; a larger batch still passes."};
inline constexpr ConfigKey<std::int32_t> kOffsetsRetentionMinutes{
    .name = "offsets.retention.minutes",
    .fallback = 10080,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc =
        "How long offsets are kept: of a group since it became empty, of a consumer without a "
        "group since its last commit."};
inline constexpr ConfigKey<std::int64_t> kOffsetsRetentionCheckIntervalMs{
    .name = "offsets.retention.check.interval.ms",
    .fallback = 600000,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "How often expired offsets and groups are looked for."};
inline constexpr ConfigKey<std::int32_t> kOffsetsTopicNumPartitions{
    .name = "offsets.topic.num.partitions",
    .fallback = 50,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "Partitions of __consumer_offsets when it is created; never to be changed afterwards."};
inline constexpr ConfigKey<std::int16_t> kOffsetsTopicReplicationFactor{
    .name = "offsets.topic.replication.factor",
    .fallback = 3,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc =
        "Replicas of __consumer_offsets when it is created, which fails as long as fewer brokers "
        "live."};
inline constexpr ConfigKey<std::int32_t> kOffsetsTopicSegmentBytes{
    .name = "offsets.topic.segment.bytes",
    .fallback = 104857600,
    .allowed = at_least(1),
    .importance = Importance::High,
    .doc = "Segment size of __consumer_offsets when it is created; small ones load faster."};
inline constexpr ConfigKey<std::int32_t> kOffsetsTopicCompressionCodec{
    .name = "offsets.topic.compression.codec",
    .fallback = 0,
    .allowed = range(0, 4),
    .importance = Importance::High,
    .doc = "Compression of __consumer_offsets: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."};
inline constexpr ConfigKey<std::int64_t> kOttlaOffsetsUndeleteWindowMs{
    .name = "ottla.offsets.undelete.window.ms",
    .fallback = 604800000,
    .allowed = at_least(0),
    .importance = Importance::Medium,
    .doc =
        "How long offsets that expired or were deleted can be committed again with `ottla "
        "consumer-groups --undelete-offsets`; 0: not at all."};

inline constexpr AnyKey kGroupKeys[] = {
    kGroupMinSessionTimeoutMs,     kGroupMaxSessionTimeoutMs,
    kGroupInitialRebalanceDelayMs, kGroupMaxSize,
    kOffsetMetadataMaxBytes,       kOffsetsCommitRequiredAcks,
    kOffsetsCommitTimeoutMs,       kOffsetsLoadBufferSize,
    kOffsetsRetentionMinutes,      kOffsetsRetentionCheckIntervalMs,
    kOffsetsTopicNumPartitions,    kOffsetsTopicReplicationFactor,
    kOffsetsTopicSegmentBytes,     kOffsetsTopicCompressionCodec,
    kOttlaOffsetsUndeleteWindowMs,
};

}  // namespace ottla::config
