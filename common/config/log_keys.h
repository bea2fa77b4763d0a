#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "common/config/broker_keys.h"
#include "common/config/enums.h"
#include "common/config/key.h"

namespace ottla::config {

inline constexpr ConfigKey<List> kLogCleanupPolicy{
    .name = "log.cleanup.policy",
    .fallback = "delete",
    .allowed = one_of("compact", "delete"),
    .dynamic = Dynamic::ClusterWide,
    .doc = "What happens to old segments: delete them, compact them by key, or both."};
inline constexpr ConfigKey<std::optional<std::int64_t>> kLogRetentionMs{
    .name = "log.retention.ms",
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc =
        "How long a segment is kept after its newest record; -1 is for ever. Goes before "
        "log.retention.minutes."};
inline constexpr ConfigKey<std::optional<std::int32_t>> kLogRetentionMinutes{
    .name = "log.retention.minutes",
    .importance = Importance::High,
    .doc = "As log.retention.ms, in minutes. Goes before log.retention.hours."};
inline constexpr ConfigKey<std::int32_t> kLogRetentionHours{
    .name = "log.retention.hours",
    .fallback = 168,
    .importance = Importance::High,
    .doc = "As log.retention.ms, in hours."};
inline constexpr ConfigKey<std::int64_t> kLogRetentionBytes{
    .name = "log.retention.bytes",
    .fallback = -1,
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "The size above which the oldest segments of a partition are deleted; -1 is no limit."};
inline constexpr ConfigKey<std::int64_t> kLogRetentionCheckIntervalMs{
    .name = "log.retention.check.interval.ms",
    .fallback = 300000,
    .allowed = at_least(1),
    .doc = "How often segments that may go are looked for."};
inline constexpr ConfigKey<std::int32_t> kLogSegmentBytes{
    .name = "log.segment.bytes",
    .fallback = 1073741824,
    .allowed = at_least(14),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "The size at which a new segment begins."};
inline constexpr ConfigKey<std::int64_t> kLogSegmentDeleteDelayMs{
    .name = "log.segment.delete.delay.ms",
    .fallback = 60000,
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "How long a deleted segment stays on disk, as *.deleted."};
inline constexpr ConfigKey<std::optional<std::int64_t>> kLogRollMs{
    .name = "log.roll.ms",
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "The age at which a new segment begins. Goes before log.roll.hours."};
inline constexpr ConfigKey<std::int32_t> kLogRollHours{.name = "log.roll.hours",
                                                       .fallback = 168,
                                                       .allowed = at_least(1),
                                                       .importance = Importance::High,
                                                       .doc = "As log.roll.ms, in hours."};
inline constexpr ConfigKey<std::optional<std::int64_t>> kLogRollJitterMs{
    .name = "log.roll.jitter.ms",
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc =
        "At most so much is taken at random from the roll age, so that partitions do not all "
        "roll at once. Goes before log.roll.jitter.hours."};
inline constexpr ConfigKey<std::int32_t> kLogRollJitterHours{
    .name = "log.roll.jitter.hours",
    .fallback = 0,
    .allowed = at_least(0),
    .importance = Importance::High,
    .doc = "As log.roll.jitter.ms, in hours."};
inline constexpr ConfigKey<std::int64_t> kLogFlushIntervalMessages{
    .name = "log.flush.interval.messages",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(1),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc =
        "Records after which a log is synced to disk. Replication is the usual way to "
        "durability."};
inline constexpr ConfigKey<std::optional<std::int64_t>> kLogFlushIntervalMs{
    .name = "log.flush.interval.ms",
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc =
        "The time after which a log is synced to disk. Unset: "
        "log.flush.scheduler.interval.ms."};
inline constexpr ConfigKey<std::int64_t> kLogFlushSchedulerIntervalMs{
    .name = "log.flush.scheduler.interval.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .importance = Importance::High,
    .doc = "How often logs that are due for a sync are looked for."};
inline constexpr ConfigKey<std::int32_t> kLogFlushOffsetCheckpointIntervalMs{
    .name = "log.flush.offset.checkpoint.interval.ms",
    .fallback = 60000,
    .allowed = at_least(0),
    .importance = Importance::High,
    .doc = "How often recovery points are saved."};
inline constexpr ConfigKey<std::int32_t> kLogFlushStartOffsetCheckpointIntervalMs{
    .name = "log.flush.start.offset.checkpoint.interval.ms",
    .fallback = 60000,
    .allowed = at_least(0),
    .importance = Importance::High,
    .doc = "How often log start offsets are saved."};
inline constexpr ConfigKey<std::int32_t> kLogIndexIntervalBytes{
    .name = "log.index.interval.bytes",
    .fallback = 4096,
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc = "Bytes of records between two entries of the offset index."};
inline constexpr ConfigKey<std::int32_t> kLogIndexSizeMaxBytes{
    .name = "log.index.size.max.bytes",
    .fallback = 10485760,
    .allowed = at_least(4),
    .dynamic = Dynamic::ClusterWide,
    .doc = "The size of an index at which a new segment begins."};
inline constexpr ConfigKey<bool> kLogPreallocate{
    .name = "log.preallocate",
    .fallback = false,
    .dynamic = Dynamic::ClusterWide,
    .doc = "Whether a new segment gets its disk space at once."};
inline constexpr ConfigKey<std::int64_t> kLogInitialTaskDelayMs{
    .name = "log.initial.task.delay.ms",
    .fallback = 30000,
    .allowed = at_least(0),
    .importance = Importance::Low,
    .doc = "Accepted, without effect: background work on logs begins when it is due."};
inline constexpr ConfigKey<std::int64_t> kLogDirFailureTimeoutMs{
    .name = "log.dir.failure.timeout.ms",
    .fallback = 30000,
    .allowed = at_least(1),
    .importance = Importance::Low,
    .doc = "Accepted, without effect: it is for KRaft."};
inline constexpr ConfigKey<TimestampType> kLogMessageTimestampType{
    .name = "log.message.timestamp.type",
    .fallback = TimestampType::CreateTime,
    .allowed = one_word_of<TimestampType>(),
    .dynamic = Dynamic::ClusterWide,
    .doc = "Whether a record carries the time of its creation or of its append."};
inline constexpr ConfigKey<std::int64_t> kLogMessageTimestampBeforeMaxMs{
    .name = "log.message.timestamp.before.max.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc = "How far a record's CreateTime may lie before the broker's clock."};
inline constexpr ConfigKey<std::int64_t> kLogMessageTimestampAfterMaxMs{
    .name = "log.message.timestamp.after.max.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc = "How far a record's CreateTime may lie after the broker's clock."};
inline constexpr ConfigKey<std::int64_t> kLogMessageTimestampDifferenceMaxMs{
    .name = "log.message.timestamp.difference.max.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc =
        "Both of the above in one; deprecated by Kafka (KIP-937), used when neither of them "
        "is set."};
inline constexpr ConfigKey<bool> kLogMessageDownconversionEnable{
    .name = "log.message.downconversion.enable",
    .fallback = true,
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::Low,
    .doc =
        "Whether consumers older than 0.11 get records converted to their format; else an "
        "error."};
inline constexpr ConfigKey<std::string> kLogMessageFormatVersion{
    .name = "log.message.format.version",
    .fallback = "3.0-IV1",
    .allowed = checked_by(release_violation),
    .doc = "Has no effect since Kafka 3.0: records are kept in format 2."};
inline constexpr ConfigKey<CompressionType> kCompressionType{
    .name = "compression.type",
    .fallback = CompressionType::Producer,
    .allowed = one_word_of<CompressionType>(),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "The codec of stored batches; producer keeps what the producer chose."};
inline constexpr ConfigKey<std::int32_t> kCompressionGzipLevel{
    .name = "compression.gzip.level",
    .fallback = -1,
    .allowed = range(1, 9).or_else(-1),
    .dynamic = Dynamic::ClusterWide,
    .doc = "The level where the broker compresses with gzip; -1 is zlib's own default."};
inline constexpr ConfigKey<std::int32_t> kCompressionLz4Level{
    .name = "compression.lz4.level",
    .fallback = 9,
    .allowed = range(1, 17),
    .dynamic = Dynamic::ClusterWide,
    .doc = "The level where the broker compresses with lz4."};
inline constexpr ConfigKey<std::int32_t> kCompressionZstdLevel{
    .name = "compression.zstd.level",
    .fallback = 3,
    .allowed = range(-131072, 22),
    .dynamic = Dynamic::ClusterWide,
    .doc = "The level where the broker compresses with zstd."};
inline constexpr ConfigKey<std::int32_t> kMessageMaxBytes{
    .name = "message.max.bytes",
    .fallback = 1048588,
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .importance = Importance::High,
    .doc = "The largest record batch that is accepted."};
inline constexpr ConfigKey<std::int64_t> kLogLocalRetentionMs{
    .name = "log.local.retention.ms",
    .fallback = -2,
    .allowed = at_least(-2),
    .dynamic = Dynamic::ClusterWide,
    .doc =
        "With tiered storage: how long segments stay on local disk; -2 is the whole "
        "retention."};
inline constexpr ConfigKey<std::int64_t> kLogLocalRetentionBytes{
    .name = "log.local.retention.bytes",
    .fallback = -2,
    .allowed = at_least(-2),
    .dynamic = Dynamic::ClusterWide,
    .doc = "With tiered storage: the size that stays on local disk; -2 is the whole retention."};
inline constexpr ConfigKey<bool> kLogCleanerEnable{
    .name = "log.cleaner.enable",
    .fallback = true,
    .doc = "Whether the cleaner runs, which topics with compaction need."};
inline constexpr ConfigKey<std::int32_t> kLogCleanerThreads{.name = "log.cleaner.threads",
                                                            .fallback = 1,
                                                            .allowed = at_least(0),
                                                            .dynamic = Dynamic::ClusterWide,
                                                            .doc = "Threads that compact."};
inline constexpr ConfigKey<std::int64_t> kLogCleanerBackoffMs{
    .name = "log.cleaner.backoff.ms",
    .fallback = 15000,
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc = "The pause of a cleaner that has nothing to do."};
inline constexpr ConfigKey<std::int64_t> kLogCleanerDedupeBufferSize{
    .name = "log.cleaner.dedupe.buffer.size",
    .fallback = 134217728,
    .dynamic = Dynamic::ClusterWide,
    .doc = "Memory for keys while compacting, over all threads."};
inline constexpr ConfigKey<double> kLogCleanerIoBufferLoadFactor{
    .name = "log.cleaner.io.buffer.load.factor",
    .fallback = 0.9,
    .dynamic = Dynamic::ClusterWide,
    .doc = "How full the table of keys may get."};
inline constexpr ConfigKey<std::int32_t> kLogCleanerIoBufferSize{
    .name = "log.cleaner.io.buffer.size",
    .fallback = 524288,
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc = "Memory for reading and writing while compacting, over all threads."};
inline constexpr ConfigKey<double> kLogCleanerIoMaxBytesPerSecond{
    .name = "log.cleaner.io.max.bytes.per.second",
    .fallback = std::numeric_limits<double>::max(),
    .dynamic = Dynamic::ClusterWide,
    .doc = "The rate that reads and writes of the cleaner keep to."};
inline constexpr ConfigKey<std::int64_t> kLogCleanerDeleteRetentionMs{
    .name = "log.cleaner.delete.retention.ms",
    .fallback = 86400000,
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc = "How long a tombstone is kept, so that readers can see it."};
inline constexpr ConfigKey<double> kLogCleanerMinCleanableRatio{
    .name = "log.cleaner.min.cleanable.ratio",
    .fallback = 0.5,
    .allowed = range(0, 1),
    .dynamic = Dynamic::ClusterWide,
    .doc = "The part of a log not compacted yet from which on it is worth compacting."};
inline constexpr ConfigKey<std::int64_t> kLogCleanerMinCompactionLagMs{
    .name = "log.cleaner.min.compaction.lag.ms",
    .fallback = 0,
    .allowed = at_least(0),
    .dynamic = Dynamic::ClusterWide,
    .doc = "How long a record is safe from compaction."};
inline constexpr ConfigKey<std::int64_t> kLogCleanerMaxCompactionLagMs{
    .name = "log.cleaner.max.compaction.lag.ms",
    .fallback = std::numeric_limits<std::int64_t>::max(),
    .allowed = at_least(1),
    .dynamic = Dynamic::ClusterWide,
    .doc = "How long a record may wait for compaction."};

inline constexpr AnyKey kLogKeys[] = {
    kLogCleanupPolicy,
    kLogRetentionMs,
    kLogRetentionMinutes,
    kLogRetentionHours,
    kLogRetentionBytes,
    kLogRetentionCheckIntervalMs,
    kLogSegmentBytes,
    kLogSegmentDeleteDelayMs,
    kLogRollMs,
    kLogRollHours,
    kLogRollJitterMs,
    kLogRollJitterHours,
    kLogFlushIntervalMessages,
    kLogFlushIntervalMs,
    kLogFlushSchedulerIntervalMs,
    kLogFlushOffsetCheckpointIntervalMs,
    kLogFlushStartOffsetCheckpointIntervalMs,
    kLogIndexIntervalBytes,
    kLogIndexSizeMaxBytes,
    kLogPreallocate,
    kLogInitialTaskDelayMs,
    kLogDirFailureTimeoutMs,
    kLogMessageTimestampType,
    kLogMessageTimestampBeforeMaxMs,
    kLogMessageTimestampAfterMaxMs,
    kLogMessageTimestampDifferenceMaxMs,
    kLogMessageDownconversionEnable,
    kLogMessageFormatVersion,
    kCompressionType,
    kCompressionGzipLevel,
    kCompressionLz4Level,
    kCompressionZstdLevel,
    kMessageMaxBytes,
    kLogLocalRetentionMs,
    kLogLocalRetentionBytes,
    kLogCleanerEnable,
    kLogCleanerThreads,
    kLogCleanerBackoffMs,
    kLogCleanerDedupeBufferSize,
    kLogCleanerIoBufferLoadFactor,
    kLogCleanerIoBufferSize,
    kLogCleanerIoMaxBytesPerSecond,
    kLogCleanerDeleteRetentionMs,
    kLogCleanerMinCleanableRatio,
    kLogCleanerMinCompactionLagMs,
    kLogCleanerMaxCompactionLagMs,
};

}  // namespace ottla::config
