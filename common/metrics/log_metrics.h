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
                                    .doc = "Syncs of logs to disk."};
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

inline constexpr const Metric* kLogMetrics[] = {
    &kLogEndOffset,        &kLogStartOffset,           &kLogSegments, &kLogSize, &kLogFlushMs,
    &kLogDirectoryOffline, &kOfflineLogDirectoryCount,
};

}  // namespace ottla::metrics
