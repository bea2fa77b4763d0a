#pragma once

#include "common/metrics/metric.h"

namespace ottla::metrics {

inline constexpr Metric kNumGroups{.domain = "kafka.coordinator.group",
                                   .type = "GroupMetadataManager",
                                   .name = "NumGroups",
                                   .kind = Kind::Gauge,
                                   .doc = "Groups that this broker coordinates."};
inline constexpr Metric kNumOffsets{.domain = "kafka.coordinator.group",
                                    .type = "GroupMetadataManager",
                                    .name = "NumOffsets",
                                    .kind = Kind::Gauge,
                                    .doc = "Offsets that groups of this broker have committed."};
inline constexpr Metric kNumGroupsEmpty{.domain = "kafka.coordinator.group",
                                        .type = "GroupMetadataManager",
                                        .name = "NumGroupsEmpty",
                                        .kind = Kind::Gauge,
                                        .doc = "Groups without members."};
inline constexpr Metric kNumGroupsPreparingRebalance{
    .domain = "kafka.coordinator.group",
    .type = "GroupMetadataManager",
    .name = "NumGroupsPreparingRebalance",
    .kind = Kind::Gauge,
    .doc = "Groups that wait for their members to join."};
inline constexpr Metric kNumGroupsCompletingRebalance{
    .domain = "kafka.coordinator.group",
    .type = "GroupMetadataManager",
    .name = "NumGroupsCompletingRebalance",
    .kind = Kind::Gauge,
    .doc = "Groups that wait for their leader's assignment."};
inline constexpr Metric kNumGroupsStable{.domain = "kafka.coordinator.group",
                                         .type = "GroupMetadataManager",
                                         .name = "NumGroupsStable",
                                         .kind = Kind::Gauge,
                                         .doc = "Groups whose members have their assignments."};
inline constexpr Metric kNumGroupsDead{
    .domain = "kafka.coordinator.group",
    .type = "GroupMetadataManager",
    .name = "NumGroupsDead",
    .kind = Kind::Gauge,
    .doc = "Groups that are being removed: always 0, they are gone at once."};
inline constexpr Metric kNumPartitionsLoading{
    .domain = "kafka.coordinator.group",
    .type = "GroupMetadataManager",
    .name = "NumPartitionsLoading",
    .kind = Kind::Gauge,
    .doc = "Partitions of __consumer_offsets whose groups are being loaded. Ottla only."};
inline constexpr Metric kNumGroupsExpiringSoon{
    .domain = "kafka.coordinator.group",
    .type = "GroupMetadataManager",
    .name = "NumGroupsExpiringSoon",
    .kind = Kind::Gauge,
    .doc =
        "Groups that lose offsets within a day, or the last quarter of offsets.retention.minutes "
        "if that is less, unless they are used again; the log names them. Ottla only."};
inline constexpr Metric kNumPartitionsDamaged{
    .domain = "kafka.coordinator.group",
    .type = "GroupMetadataManager",
    .name = "NumPartitionsDamaged",
    .kind = Kind::Gauge,
    .doc =
        "Partitions of __consumer_offsets led here that could not be loaded as a whole; the log "
        "says what is missing. Ottla only."};
inline constexpr Metric kOffsetCommits{.domain = "kafka.server",
                                       .type = "group-coordinator-metrics",
                                       .name = "offset-commit-count",
                                       .kind = Kind::Counter,
                                       .doc = "Offsets committed."};
inline constexpr Metric kOffsetExpirations{.domain = "kafka.server",
                                           .type = "group-coordinator-metrics",
                                           .name = "offset-expiration-count",
                                           .kind = Kind::Counter,
                                           .doc = "Offsets removed because nobody used them."};
inline constexpr Metric kOffsetDeletions{.domain = "kafka.server",
                                         .type = "group-coordinator-metrics",
                                         .name = "offset-deletion-count",
                                         .kind = Kind::Counter,
                                         .doc = "Offsets removed because somebody asked for it."};
inline constexpr Metric kGroupCompletedRebalances{.domain = "kafka.server",
                                                  .type = "group-coordinator-metrics",
                                                  .name = "group-completed-rebalance-count",
                                                  .kind = Kind::Counter,
                                                  .doc = "Rebalances that came to their end."};
inline constexpr Metric kGroupLoadMs{
    .domain = "kafka.server",
    .type = "group-coordinator-metrics",
    .name = "partition-load-time",
    .kind = Kind::Histogram,
    .doc = "Milliseconds from the election to serving, for each partition of __consumer_offsets."};
inline constexpr Metric kGroupLoadAverageMs{
    .domain = "kafka.server",
    .type = "group-coordinator-metrics",
    .name = "partition-load-time-avg",
    .kind = Kind::Gauge,
    .doc = "The average of the last minute; NaN: nothing was loaded."};
inline constexpr Metric kGroupLoadLongestMs{
    .domain = "kafka.server",
    .type = "group-coordinator-metrics",
    .name = "partition-load-time-max",
    .kind = Kind::Gauge,
    .doc = "The longest of the last minute; NaN: nothing was loaded."};

inline constexpr const Metric* kGroupMetrics[] = {
    &kNumGroups,
    &kNumOffsets,
    &kNumGroupsEmpty,
    &kNumGroupsPreparingRebalance,
    &kNumGroupsCompletingRebalance,
    &kNumGroupsStable,
    &kNumGroupsDead,
    &kNumPartitionsLoading,
    &kNumGroupsExpiringSoon,
    &kNumPartitionsDamaged,
    &kOffsetCommits,
    &kOffsetExpirations,
    &kOffsetDeletions,
    &kGroupCompletedRebalances,
    &kGroupLoadMs,
    &kGroupLoadAverageMs,
    &kGroupLoadLongestMs,
};

}  // namespace ottla::metrics
