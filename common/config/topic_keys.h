#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "common/config/broker_keys.h"
#include "common/config/enums.h"
#include "common/config/key.h"

namespace ottla::config {

/// Allowed::Check of the lists of throttled replicas: `partition:broker` elements, or one `*`.
[[nodiscard]] std::optional<std::string> throttled_replicas_violation(const Value& value);

/// The keys of a topic; apart from the broker's, since some names mean both.
namespace topic {

inline constexpr TopicKey<List> kCleanupPolicy{
    .name = "cleanup.policy",
    .fallback = "delete",
    .allowed = one_of("compact", "delete"),
    .broker_defaults = {{{"log.cleanup.policy"}}},
    .doc = "What happens to old segments: delete them, compact them by key, or both."};
inline constexpr TopicKey<CompressionType> kCompressionType{
    .name = "compression.type",
    .fallback = CompressionType::Producer,
    .allowed = one_word_of<CompressionType>(),
    .broker_defaults = {{{"compression.type"}}},
    .doc = "The codec of stored batches; producer keeps what the producer chose."};
inline constexpr TopicKey<std::int32_t> kCompressionGzipLevel{
    .name = "compression.gzip.level",
    .fallback = -1,
    .allowed = range(1, 9).or_else(-1),
    .broker_defaults = {{{"compression.gzip.level"}}},
    .doc = "The level where the broker compresses with gzip; -1 is zlib's own default."};
inline constexpr TopicKey<std::int32_t> kCompressionLz4Level{
    .name = "compression.lz4.level",
    .fallback = 9,
    .allowed = range(1, 17),
    .broker_defaults = {{{"compression.lz4.level"}}},
    .doc = "The level where the broker compresses with lz4."};
inline constexpr TopicKey<std::int32_t> kCompressionZstdLevel{
    .name = "compression.zstd.level",
    .fallback = 3,
    .allowed = range(-131072, 22),
    .broker_defaults = {{{"compression.zstd.level"}}},
    .doc = "The level where the broker compresses with zstd."};
inline constexpr TopicKey<std::int64_t> kDeleteRetentionMs{
    .name = "delete.retention.ms",
    .fallback = 86400000,
    .allowed = at_least(0),
    .broker_defaults = {{{"log.cleaner.delete.retention.ms"}}},
    .doc = "How long a tombstone is kept, so that readers can see it."};
inline constexpr TopicKey<std::int64_t> kFileDeleteDelayMs{
    .name = "file.delete.delay.ms",
    .fallback = 60000,
    .allowed = at_least(0),
    .broker_defaults = {{{"log.segment.delete.delay.ms"}}},
    .doc = "How long a deleted segment stays on disk, as *.deleted."};
inline constexpr TopicKey<std::int64_t> kFlushMessages{
    .name = "flush.messages",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(1),
    .broker_defaults = {{{"log.flush.interval.messages"}}},
    .doc = "Records after which the log is synced to disk."};
inline constexpr TopicKey<std::int64_t> kFlushMs{
    .name = "flush.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .broker_defaults = {{{"log.flush.interval.ms"}, {"log.flush.scheduler.interval.ms"}}},
    .doc = "The time after which the log is synced to disk."};
inline constexpr TopicKey<List> kFollowerReplicationThrottledReplicas{
    .name = "follower.replication.throttled.replicas",
    .fallback = "",
    .allowed = checked_by(throttled_replicas_violation),
    .doc =
        "Replicas that replicate within the follower's rate: partition:broker, separated by "
        "commas, or * for all."};
inline constexpr TopicKey<std::int32_t> kIndexIntervalBytes{
    .name = "index.interval.bytes",
    .fallback = 4096,
    .allowed = at_least(0),
    .broker_defaults = {{{"log.index.interval.bytes"}}},
    .doc = "Bytes of records between two entries of the offset index."};
inline constexpr TopicKey<List> kLeaderReplicationThrottledReplicas{
    .name = "leader.replication.throttled.replicas",
    .fallback = "",
    .allowed = checked_by(throttled_replicas_violation),
    .doc =
        "Replicas that are sent to within the leader's rate: partition:broker, separated by "
        "commas, or * for all."};
inline constexpr TopicKey<std::int64_t> kLocalRetentionBytes{
    .name = "local.retention.bytes",
    .fallback = -2,
    .allowed = at_least(-2),
    .broker_defaults = {{{"log.local.retention.bytes"}}},
    .doc = "With tiered storage: the size that stays on local disk; -2 is the whole retention."};
inline constexpr TopicKey<std::int64_t> kLocalRetentionMs{
    .name = "local.retention.ms",
    .fallback = -2,
    .allowed = at_least(-2),
    .broker_defaults = {{{"log.local.retention.ms"}}},
    .doc =
        "With tiered storage: how long segments stay on local disk; -2 is the whole "
        "retention."};
inline constexpr TopicKey<std::int64_t> kMaxCompactionLagMs{
    .name = "max.compaction.lag.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(1),
    .broker_defaults = {{{"log.cleaner.max.compaction.lag.ms"}}},
    .doc = "How long a record may wait for compaction."};
inline constexpr TopicKey<std::int32_t> kMaxMessageBytes{
    .name = "max.message.bytes",
    .fallback = 1048588,
    .allowed = at_least(0),
    .broker_defaults = {{{"message.max.bytes"}}},
    .doc = "The largest record batch that is accepted."};
inline constexpr TopicKey<bool> kMessageDownconversionEnable{
    .name = "message.downconversion.enable",
    .fallback = true,
    .broker_defaults = {{{"log.message.downconversion.enable"}}},
    .importance = Importance::Low,
    .doc =
        "Whether consumers older than 0.11 get records converted to their format; else an "
        "error."};
inline constexpr TopicKey<std::string> kMessageFormatVersion{
    .name = "message.format.version",
    .fallback = "3.0-IV1",
    .allowed = checked_by(release_violation),
    .broker_defaults = {{{"log.message.format.version"}}},
    .doc = "Has no effect since Kafka 3.0: records are kept in format 2."};
inline constexpr TopicKey<std::int64_t> kMessageTimestampAfterMaxMs{
    .name = "message.timestamp.after.max.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .broker_defaults = {{{"log.message.timestamp.after.max.ms"}}},
    .doc = "How far a record's CreateTime may lie after the broker's clock."};
inline constexpr TopicKey<std::int64_t> kMessageTimestampBeforeMaxMs{
    .name = "message.timestamp.before.max.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .broker_defaults = {{{"log.message.timestamp.before.max.ms"}}},
    .doc = "How far a record's CreateTime may lie before the broker's clock."};
inline constexpr TopicKey<std::int64_t> kMessageTimestampDifferenceMaxMs{
    .name = "message.timestamp.difference.max.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .broker_defaults = {{{"log.message.timestamp.difference.max.ms"}}},
    .doc =
        "Both of the above in one; deprecated by Kafka (KIP-937), used when neither of them "
        "is set."};
inline constexpr TopicKey<TimestampType> kMessageTimestampType{
    .name = "message.timestamp.type",
    .fallback = TimestampType::CreateTime,
    .allowed = one_word_of<TimestampType>(),
    .broker_defaults = {{{"log.message.timestamp.type"}}},
    .doc = "Whether a record carries the time of its creation or of its append."};
inline constexpr TopicKey<double> kMinCleanableDirtyRatio{
    .name = "min.cleanable.dirty.ratio",
    .fallback = 0.5,
    .allowed = range(0, 1),
    .broker_defaults = {{{"log.cleaner.min.cleanable.ratio"}}},
    .doc = "The part of the log not compacted yet from which on it is worth compacting."};
inline constexpr TopicKey<std::int64_t> kMinCompactionLagMs{
    .name = "min.compaction.lag.ms",
    .fallback = 0,
    .allowed = at_least(0),
    .broker_defaults = {{{"log.cleaner.min.compaction.lag.ms"}}},
    .doc = "How long a record is safe from compaction."};
inline constexpr TopicKey<std::int32_t> kMinInsyncReplicas{
    .name = "min.insync.replicas",
    .fallback = 1,
    .allowed = at_least(1),
    .broker_defaults = {{{"min.insync.replicas"}}},
    .doc = "How many replicas must be in sync for a produce with acks=all to be accepted."};
inline constexpr TopicKey<bool> kPreallocate{
    .name = "preallocate",
    .fallback = false,
    .broker_defaults = {{{"log.preallocate"}}},
    .doc = "Whether a new segment gets its disk space at once."};
inline constexpr TopicKey<bool> kRemoteLogCopyDisable{
    .name = "remote.log.copy.disable",
    .fallback = false,
    .doc = "With tiered storage: no more segments are copied away."};
inline constexpr TopicKey<bool> kRemoteLogDeleteOnDisable{
    .name = "remote.log.delete.on.disable",
    .fallback = false,
    .doc = "With tiered storage: what was copied away is deleted when tiering is switched off."};
inline constexpr TopicKey<bool> kRemoteStorageEnable{
    .name = "remote.storage.enable",
    .fallback = false,
    .doc = "Whether segments are copied to remote storage. Needs a broker with tiered storage."};
inline constexpr TopicKey<std::int64_t> kRetentionBytes{
    .name = "retention.bytes",
    .fallback = -1,
    .broker_defaults = {{{"log.retention.bytes"}}},
    .doc = "The size above which the oldest segments of a partition are deleted; -1 is no limit."};
inline constexpr TopicKey<std::int64_t> kRetentionMs{
    .name = "retention.ms",
    .fallback = 604800000,
    .allowed = at_least(-1),
    .broker_defaults = {{{"log.retention.ms"},
                         {"log.retention.minutes", 60000},
                         {"log.retention.hours", 3600000}}},
    .doc = "How long a segment is kept after its newest record; -1 is for ever."};
inline constexpr TopicKey<std::int32_t> kSegmentBytes{
    .name = "segment.bytes",
    .fallback = 1073741824,
    .allowed = at_least(14),
    .broker_defaults = {{{"log.segment.bytes"}}},
    .doc = "The size at which a new segment begins."};
inline constexpr TopicKey<std::int32_t> kSegmentIndexBytes{
    .name = "segment.index.bytes",
    .fallback = 10485760,
    .allowed = at_least(4),
    .broker_defaults = {{{"log.index.size.max.bytes"}}},
    .doc = "The size of an index at which a new segment begins."};
inline constexpr TopicKey<std::int64_t> kSegmentJitterMs{
    .name = "segment.jitter.ms",
    .fallback = 0,
    .allowed = at_least(0),
    .broker_defaults = {{{"log.roll.jitter.ms"}, {"log.roll.jitter.hours", 3600000}}},
    .doc =
        "At most so much is taken at random from segment.ms, so that partitions do not all "
        "roll at once."};
inline constexpr TopicKey<std::int64_t> kSegmentMs{
    .name = "segment.ms",
    .fallback = 604800000,
    .allowed = at_least(1),
    .broker_defaults = {{{"log.roll.ms"}, {"log.roll.hours", 3600000}}},
    .doc = "The age at which a new segment begins."};
inline constexpr TopicKey<bool> kUncleanLeaderElectionEnable{
    .name = "unclean.leader.election.enable",
    .fallback = false,
    .broker_defaults = {{{"unclean.leader.election.enable"}}},
    .doc =
        "Whether a replica that is not in sync may become leader when no other lives. It "
        "loses acknowledged records."};

inline constexpr AnyKey kKeys[] = {
    kCleanupPolicy,
    kCompressionType,
    kCompressionGzipLevel,
    kCompressionLz4Level,
    kCompressionZstdLevel,
    kDeleteRetentionMs,
    kFileDeleteDelayMs,
    kFlushMessages,
    kFlushMs,
    kFollowerReplicationThrottledReplicas,
    kIndexIntervalBytes,
    kLeaderReplicationThrottledReplicas,
    kLocalRetentionBytes,
    kLocalRetentionMs,
    kMaxCompactionLagMs,
    kMaxMessageBytes,
    kMessageDownconversionEnable,
    kMessageFormatVersion,
    kMessageTimestampAfterMaxMs,
    kMessageTimestampBeforeMaxMs,
    kMessageTimestampDifferenceMaxMs,
    kMessageTimestampType,
    kMinCleanableDirtyRatio,
    kMinCompactionLagMs,
    kMinInsyncReplicas,
    kPreallocate,
    kRemoteLogCopyDisable,
    kRemoteLogDeleteOnDisable,
    kRemoteStorageEnable,
    kRetentionBytes,
    kRetentionMs,
    kSegmentBytes,
    kSegmentIndexBytes,
    kSegmentJitterMs,
    kSegmentMs,
    kUncleanLeaderElectionEnable,
};

}  // namespace topic
}  // namespace ottla::config
