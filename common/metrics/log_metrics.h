#pragma once

#include "common/metrics/metric.h"

namespace ottla::metrics {

inline constexpr Metric kLogEndOffset{.domain = "kafka.log",
                                      .type = "Log",
                                      .name = "LogEndOffset",
                                      .kind = Kind::Gauge,
                                      .labels = {"topic", "partition"},
                                      .doc = "The offset of the next record."};
inline constexpr Metric kLogStartOffset{.domain = "kafka.log",
                                        .type = "Log",
                                        .name = "LogStartOffset",
                                        .kind = Kind::Gauge,
                                        .labels = {"topic", "partition"},
                                        .doc = "The offset of the first record kept."};
inline constexpr Metric kLogSegments{.domain = "kafka.log",
                                     .type = "Log",
                                     .name = "NumLogSegments",
                                     .kind = Kind::Gauge,
                                     .labels = {"topic", "partition"},
                                     .doc = "Segments."};
inline constexpr Metric kLogSize{.domain = "kafka.log",
                                 .type = "Log",
                                 .name = "Size",
                                 .kind = Kind::Gauge,
                                 .labels = {"topic", "partition"},
                                 .doc = "Bytes of all segments."};
inline constexpr Metric kLogFlushMs{.domain = "kafka.log",
                                    .type = "LogFlushStats",
                                    .name = "LogFlushRateAndTimeMs",
                                    .kind = Kind::Histogram,
                                    .doc = "Syncs of logs to disk.",
                                    .scale = 1000};
inline constexpr Metric kLogDirectoryOffline{.domain = "kafka.log",
                                             .type = "LogManager",
                                             .name = "LogDirectoryOffline",
                                             .kind = Kind::Gauge,
                                             .labels = {"logDirectory"},
                                             .doc = "1 if the directory failed."};
inline constexpr Metric kOfflineLogDirectoryCount{.domain = "kafka.log",
                                                  .type = "LogManager",
                                                  .name = "OfflineLogDirectoryCount",
                                                  .kind = Kind::Gauge,
                                                  .doc = "Failed directories."};
inline constexpr Metric kLogDirectoryFreeBytes{
    .domain = "kafka.log",
    .type = "LogManager",
    .name = "LogDirectoryFreeBytes",
    .kind = Kind::Gauge,
    .labels = {"logDirectory"},
    .doc = "Free on the directory's volume, as of the last look. Ottla only."};
inline constexpr Metric kLogDirectoryTotalBytes{
    .domain = "kafka.log",
    .type = "LogManager",
    .name = "LogDirectoryTotalBytes",
    .kind = Kind::Gauge,
    .labels = {"logDirectory"},
    .doc = "Size of the directory's volume, as of the last look. Ottla only."};
inline constexpr Metric kLogDirectoryState{
    .domain = "kafka.log",
    .type = "LogManager",
    .name = "LogDirectoryState",
    .kind = Kind::Gauge,
    .labels = {"logDirectory"},
    .doc =
        "0 in use, 1 refuses clients' records for want of room, 2 refuses all records, 3 offline. "
        "Ottla only."};
inline constexpr Metric kLogDirectorySlow{
    .domain = "kafka.log",
    .type = "LogManager",
    .name = "LogDirectorySlow",
    .kind = Kind::Gauge,
    .labels = {"logDirectory"},
    .doc = "1 if the directory is slow by its self-test: its leaders are handed over. Ottla only."};
inline constexpr Metric kRemainingLogsToRecover{
    .domain = "kafka.log",
    .type = "LogManager",
    .name = "remainingLogsToRecover",
    .kind = Kind::Gauge,
    .labels = {"dir"},
    .doc = "Logs that are still to be opened, while those of the directory are (KIP-831)."};
inline constexpr Metric kRemainingSegmentsToRecover{
    .domain = "kafka.log",
    .type = "LogManager",
    .name = "remainingSegmentsToRecover",
    .kind = Kind::Gauge,
    .labels = {"dir", "threadNum"},
    .doc =
        "Segments of the log that a recovery thread is at which it has still to read as a whole "
        "(KIP-831)."};
inline constexpr Metric kRemainingBytesToRecover{
    .domain = "kafka.log",
    .type = "LogManager",
    .name = "remainingBytesToRecover",
    .kind = Kind::Gauge,
    .labels = {"dir"},
    .doc = "Bytes behind the recovery points that are still to be read. Ottla only."};
inline constexpr Metric kCleanerMaxBufferUtilization{
    .domain = "kafka.log",
    .type = "LogCleaner",
    .name = "max-buffer-utilization-percent",
    .kind = Kind::Gauge,
    .doc = "How full the fullest table of keys was in a last run."};
inline constexpr Metric kCleanerRecopyPercent{
    .domain = "kafka.log",
    .type = "LogCleaner",
    .name = "cleaner-recopy-percent",
    .kind = Kind::Gauge,
    .doc = "Bytes written in the last runs, of those read."};
inline constexpr Metric kCleanerMaxCleanTimeSecs{.domain = "kafka.log",
                                                 .type = "LogCleaner",
                                                 .name = "max-clean-time-secs",
                                                 .kind = Kind::Gauge,
                                                 .doc = "The longest of the last runs."};
inline constexpr Metric kCleanerMaxCompactionDelaySecs{
    .domain = "kafka.log",
    .type = "LogCleaner",
    .name = "max-compaction-delay-secs",
    .kind = Kind::Gauge,
    .doc = "The longest by which a log has missed max.compaction.lag.ms."};
inline constexpr Metric kCleanerDeadThreadCount{
    .domain = "kafka.log",
    .type = "LogCleaner",
    .name = "DeadThreadCount",
    .kind = Kind::Gauge,
    .doc = "Cleaner threads that died: none, since a failure there ends the process."};
inline constexpr Metric kCleanerMaxDirtyPercent{.domain = "kafka.log",
                                                .type = "LogCleanerManager",
                                                .name = "max-dirty-percent",
                                                .kind = Kind::Gauge,
                                                .doc = "The dirty part of the dirtiest log."};
inline constexpr Metric kCleanerTimeSinceLastRunMs{
    .domain = "kafka.log",
    .type = "LogCleanerManager",
    .name = "time-since-last-run-ms",
    .kind = Kind::Gauge,
    .doc = "Since a cleaner last looked for something to do."};
inline constexpr Metric kUncleanablePartitionsCount{
    .domain = "kafka.log",
    .type = "LogCleanerManager",
    .name = "uncleanable-partitions-count",
    .kind = Kind::Gauge,
    .labels = {"logDirectory"},
    .doc = "Logs that could not be compacted at the last attempt."};
inline constexpr Metric kUncleanableBytes{.domain = "kafka.log",
                                          .type = "LogCleanerManager",
                                          .name = "uncleanable-bytes",
                                          .kind = Kind::Gauge,
                                          .labels = {"logDirectory"},
                                          .doc = "What waits for the cleaner in those logs."};
inline constexpr Metric kDamagedBatchesCount{
    .domain = "kafka.log",
    .type = "LogCleanerManager",
    .name = "damaged-batches-count",
    .kind = Kind::Gauge,
    .labels = {"logDirectory"},
    .doc = "Batches that the cleaner could not read and left as they are; Ottla's own."};
inline constexpr Metric kCleanerIo{.domain = "kafka.utils",
                                   .type = "Throttler",
                                   .name = "cleaner-io",
                                   .kind = Kind::Counter,
                                   .doc = "Bytes that the cleaner read and wrote."};

inline constexpr const Metric* kLogMetrics[] = {
    &kLogEndOffset,
    &kLogStartOffset,
    &kLogSegments,
    &kLogSize,
    &kLogFlushMs,
    &kLogDirectoryOffline,
    &kOfflineLogDirectoryCount,
    &kLogDirectoryFreeBytes,
    &kLogDirectoryTotalBytes,
    &kLogDirectoryState,
    &kLogDirectorySlow,
    &kRemainingLogsToRecover,
    &kRemainingSegmentsToRecover,
    &kRemainingBytesToRecover,
    &kCleanerMaxBufferUtilization,
    &kCleanerRecopyPercent,
    &kCleanerMaxCleanTimeSecs,
    &kCleanerMaxCompactionDelaySecs,
    &kCleanerDeadThreadCount,
    &kCleanerMaxDirtyPercent,
    &kCleanerTimeSinceLastRunMs,
    &kUncleanablePartitionsCount,
    &kUncleanableBytes,
    &kDamagedBatchesCount,
    &kCleanerIo,
};

}  // namespace ottla::metrics
