#pragma once

#include "common/metrics/metric.h"

namespace ottla::metrics {

inline constexpr Metric kBrokerState{
    .domain = "kafka.server",
    .type = "KafkaServer",
    .name = "BrokerState",
    .kind = Kind::Gauge,
    .doc = "0 not running, 1 starting, 2 recovering, 3 running, 6 handing over, 7 shutting down."};
inline constexpr Metric kBytesIn{.domain = "kafka.server",
                                 .type = "BrokerTopicMetrics",
                                 .name = "BytesInPerSec",
                                 .kind = Kind::Counter,
                                 .labels = {"topic"},
                                 .doc = "Record bytes from producers."};
inline constexpr Metric kBytesOut{.domain = "kafka.server",
                                  .type = "BrokerTopicMetrics",
                                  .name = "BytesOutPerSec",
                                  .kind = Kind::Counter,
                                  .labels = {"topic"},
                                  .doc = "Record bytes to consumers."};
inline constexpr Metric kBytesRejected{.domain = "kafka.server",
                                       .type = "BrokerTopicMetrics",
                                       .name = "BytesRejectedPerSec",
                                       .kind = Kind::Counter,
                                       .labels = {"topic"},
                                       .doc = "Record bytes refused as too large."};
inline constexpr Metric kMessagesIn{.domain = "kafka.server",
                                    .type = "BrokerTopicMetrics",
                                    .name = "MessagesInPerSec",
                                    .kind = Kind::Counter,
                                    .labels = {"topic"},
                                    .doc = "Records from producers."};
inline constexpr Metric kTotalProduceRequests{.domain = "kafka.server",
                                              .type = "BrokerTopicMetrics",
                                              .name = "TotalProduceRequestsPerSec",
                                              .kind = Kind::Counter,
                                              .labels = {"topic"},
                                              .doc = "Partitions in produce requests."};
inline constexpr Metric kFailedProduceRequests{
    .domain = "kafka.server",
    .type = "BrokerTopicMetrics",
    .name = "FailedProduceRequestsPerSec",
    .kind = Kind::Counter,
    .labels = {"topic"},
    .doc = "Partitions of produce requests that were answered with an error."};
inline constexpr Metric kTotalFetchRequests{.domain = "kafka.server",
                                            .type = "BrokerTopicMetrics",
                                            .name = "TotalFetchRequestsPerSec",
                                            .kind = Kind::Counter,
                                            .labels = {"topic"},
                                            .doc = "Partitions in fetch requests."};
inline constexpr Metric kFailedFetchRequests{
    .domain = "kafka.server",
    .type = "BrokerTopicMetrics",
    .name = "FailedFetchRequestsPerSec",
    .kind = Kind::Counter,
    .labels = {"topic"},
    .doc = "Partitions of fetch requests that were answered with an error."};
inline constexpr Metric kProduceMessageConversions{
    .domain = "kafka.server",
    .type = "BrokerTopicMetrics",
    .name = "ProduceMessageConversionsPerSec",
    .kind = Kind::Counter,
    .labels = {"topic"},
    .doc = "Records converted up for old producers."};
inline constexpr Metric kFetchMessageConversions{
    .domain = "kafka.server",
    .type = "BrokerTopicMetrics",
    .name = "FetchMessageConversionsPerSec",
    .kind = Kind::Counter,
    .labels = {"topic"},
    .doc = "Partitions of fetches that were converted down for old consumers."};
inline constexpr Metric kInvalidMagicNumberRecords{.domain = "kafka.server",
                                                   .type = "BrokerTopicMetrics",
                                                   .name = "InvalidMagicNumberRecordsPerSec",
                                                   .kind = Kind::Counter,
                                                   .doc = "Refused: unknown record format."};
inline constexpr Metric kInvalidMessageCrcRecords{.domain = "kafka.server",
                                                  .type = "BrokerTopicMetrics",
                                                  .name = "InvalidMessageCrcRecordsPerSec",
                                                  .kind = Kind::Counter,
                                                  .doc = "Refused: checksum."};
inline constexpr Metric kInvalidOffsetOrSequenceRecords{
    .domain = "kafka.server",
    .type = "BrokerTopicMetrics",
    .name = "InvalidOffsetOrSequenceRecordsPerSec",
    .kind = Kind::Counter,
    .doc = "Refused: offsets or sequence numbers not in a row."};
inline constexpr Metric kNoKeyCompactedTopicRecords{
    .domain = "kafka.server",
    .type = "BrokerTopicMetrics",
    .name = "NoKeyCompactedTopicRecordsPerSec",
    .kind = Kind::Counter,
    .doc = "Refused: no key, in a compacted topic."};
inline constexpr Metric kReplicationBytesIn{.domain = "kafka.server",
                                            .type = "BrokerTopicMetrics",
                                            .name = "ReplicationBytesInPerSec",
                                            .kind = Kind::Counter,
                                            .doc = "Record bytes from leaders."};
inline constexpr Metric kReplicationBytesOut{.domain = "kafka.server",
                                             .type = "BrokerTopicMetrics",
                                             .name = "ReplicationBytesOutPerSec",
                                             .kind = Kind::Counter,
                                             .doc = "Record bytes to followers."};
inline constexpr Metric kReassignmentBytesIn{
    .domain = "kafka.server",
    .type = "BrokerTopicMetrics",
    .name = "ReassignmentBytesInPerSec",
    .kind = Kind::Counter,
    .doc = "Record bytes from leaders, of partitions that a reassignment adds here (KIP-352)."};
inline constexpr Metric kReassignmentBytesOut{
    .domain = "kafka.server",
    .type = "BrokerTopicMetrics",
    .name = "ReassignmentBytesOutPerSec",
    .kind = Kind::Counter,
    .doc = "Record bytes to followers that a reassignment adds (KIP-352)."};
inline constexpr Metric kAppStartTimeMs{.domain = "kafka.server",
                                        .type = "app-info",
                                        .name = "StartTimeMs",
                                        .kind = Kind::Gauge,
                                        .labels = {"id"},
                                        .doc = "When the broker was started, in epoch ms."};
inline constexpr Metric kAppVersion{.domain = "kafka.server",
                                    .type = "app-info",
                                    .name = "Version",
                                    .kind = Kind::Gauge,
                                    .labels = {"id", "version"},
                                    .doc = "1, with the version of Ottla."};
inline constexpr Metric kCurrentControllerId{
    .domain = "kafka.server",
    .type = "MetadataLoader",
    .name = "CurrentControllerId",
    .kind = Kind::Gauge,
    .doc = "The controller that this broker knows of; -1: none."};
inline constexpr Metric kNumDelayedOperations{
    .domain = "kafka.server",
    .type = "DelayedOperationPurgatory",
    .name = "NumDelayedOperations",
    .kind = Kind::Gauge,
    .labels = {"delayedOperation"},
    .doc = "Requests that wait: Produce for followers, Fetch for records, topic for creation."};
inline constexpr Metric kPurgatorySize{.domain = "kafka.server",
                                       .type = "DelayedOperationPurgatory",
                                       .name = "PurgatorySize",
                                       .kind = Kind::Gauge,
                                       .labels = {"delayedOperation"},
                                       .doc = "Watches of waiting requests."};
inline constexpr Metric kDelayedFetchExpires{
    .domain = "kafka.server",
    .type = "DelayedFetchMetrics",
    .name = "ExpiresPerSec",
    .kind = Kind::Counter,
    .labels = {"fetcherType"},
    .doc =
        "Fetches answered because their time was over, of consumers: followers are sent records "
        "without asking for them."};
inline constexpr Metric kFetchSessionEvictions{.domain = "kafka.server",
                                               .type = "FetchSessionCache",
                                               .name = "IncrementalFetchSessionEvictionsPerSec",
                                               .kind = Kind::Counter,
                                               .doc = "Fetch sessions that made room for others."};
inline constexpr Metric kFetchSessionPartitions{.domain = "kafka.server",
                                                .type = "FetchSessionCache",
                                                .name = "NumIncrementalFetchPartitionsCached",
                                                .kind = Kind::Gauge,
                                                .doc = "Partitions in fetch sessions."};
inline constexpr Metric kFetchSessions{.domain = "kafka.server",
                                       .type = "FetchSessionCache",
                                       .name = "NumIncrementalFetchSessions",
                                       .kind = Kind::Gauge,
                                       .doc = "Fetch sessions."};
inline constexpr Metric kBrokerRegistered{
    .domain = "kafka.server",
    .type = "BrokerRegistration",
    .name = "Registered",
    .kind = Kind::Gauge,
    .doc =
        "1 while this broker is registered in ZooKeeper, else 0: then the controller leads "
        "nothing here. Ottla only."};
inline constexpr Metric kThreadStalledMs{
    .domain = "kafka.server",
    .type = "StallWatchdog",
    .name = "StalledMs",
    .kind = Kind::Gauge,
    .labels = {"thread"},
    .doc = "For how long a thread has run nothing new; 0 below the watchdog's bound. Ottla only."};
inline constexpr Metric kThreadStalls{
    .domain = "kafka.server",
    .type = "StallWatchdog",
    .name = "StallsPerSec",
    .kind = Kind::Counter,
    .labels = {"thread"},
    .doc = "How often a thread stood longer than the watchdog's bound. Ottla only."};
inline constexpr Metric kZooKeeperSessionState{.domain = "kafka.server",
                                               .type = "SessionExpireListener",
                                               .name = "SessionState",
                                               .kind = Kind::Gauge,
                                               .doc = "1 connected, 0 not."};
inline constexpr Metric kZooKeeperDisconnects{.domain = "kafka.server",
                                              .type = "SessionExpireListener",
                                              .name = "ZooKeeperDisconnectsPerSec",
                                              .kind = Kind::Counter,
                                              .doc = "Lost connections to ZooKeeper."};
inline constexpr Metric kZooKeeperExpires{.domain = "kafka.server",
                                          .type = "SessionExpireListener",
                                          .name = "ZooKeeperExpiresPerSec",
                                          .kind = Kind::Counter,
                                          .doc = "Expired ZooKeeper sessions."};
inline constexpr Metric kZooKeeperSyncConnects{.domain = "kafka.server",
                                               .type = "SessionExpireListener",
                                               .name = "ZooKeeperSyncConnectsPerSec",
                                               .kind = Kind::Counter,
                                               .doc = "Connections to ZooKeeper."};
inline constexpr Metric kZooKeeperRequestLatencyMs{.domain = "kafka.server",
                                                   .type = "ZooKeeperClientMetrics",
                                                   .name = "ZooKeeperRequestLatencyMs",
                                                   .kind = Kind::Histogram,
                                                   .doc = "Time until ZooKeeper answers.",
                                                   .scale = 1000};

inline constexpr Metric kLinuxDiskReadBytes{.domain = "kafka.server",
                                            .type = "KafkaServer",
                                            .name = "linux-disk-read-bytes",
                                            .kind = Kind::Gauge,
                                            .doc = "Bytes that this process has read from disks."};
inline constexpr Metric kLinuxDiskWriteBytes{
    .domain = "kafka.server",
    .type = "KafkaServer",
    .name = "linux-disk-write-bytes",
    .kind = Kind::Gauge,
    .doc = "Bytes that this process has written to disks."};
inline constexpr Metric kZooKeeperAuthFailures{.domain = "kafka.server",
                                               .type = "SessionExpireListener",
                                               .name = "ZooKeeperAuthFailuresPerSec",
                                               .kind = Kind::Counter,
                                               .doc = "Authentications that ZooKeeper refused."};

inline constexpr const Metric* kServerMetrics[] = {
    &kBrokerState,
    &kBytesIn,
    &kBytesOut,
    &kBytesRejected,
    &kMessagesIn,
    &kTotalProduceRequests,
    &kFailedProduceRequests,
    &kTotalFetchRequests,
    &kFailedFetchRequests,
    &kProduceMessageConversions,
    &kFetchMessageConversions,
    &kInvalidMagicNumberRecords,
    &kInvalidMessageCrcRecords,
    &kInvalidOffsetOrSequenceRecords,
    &kNoKeyCompactedTopicRecords,
    &kReplicationBytesIn,
    &kReplicationBytesOut,
    &kReassignmentBytesIn,
    &kReassignmentBytesOut,
    &kAppStartTimeMs,
    &kAppVersion,
    &kCurrentControllerId,
    &kNumDelayedOperations,
    &kPurgatorySize,
    &kDelayedFetchExpires,
    &kFetchSessionEvictions,
    &kFetchSessionPartitions,
    &kFetchSessions,
    &kBrokerRegistered,
    &kThreadStalledMs,
    &kThreadStalls,
    &kZooKeeperSessionState,
    &kZooKeeperDisconnects,
    &kZooKeeperExpires,
    &kZooKeeperSyncConnects,
    &kZooKeeperRequestLatencyMs,
    &kLinuxDiskReadBytes,
    &kLinuxDiskWriteBytes,
    &kZooKeeperAuthFailures,
};

}  // namespace ottla::metrics
