#pragma once

#include "common/metrics/metric.h"

namespace ottla::metrics {

inline constexpr Metric kLeaderCount{.domain = "kafka.server",
                                     .type = "ReplicaManager",
                                     .name = "LeaderCount",
                                     .kind = Kind::Gauge,
                                     .doc = "Partitions that this broker leads."};
inline constexpr Metric kPartitionCount{.domain = "kafka.server",
                                        .type = "ReplicaManager",
                                        .name = "PartitionCount",
                                        .kind = Kind::Gauge,
                                        .doc = "Partitions of which this broker has a replica."};
inline constexpr Metric kOfflineReplicaCount{.domain = "kafka.server",
                                             .type = "ReplicaManager",
                                             .name = "OfflineReplicaCount",
                                             .kind = Kind::Gauge,
                                             .doc = "Replicas in failed log directories."};
inline constexpr Metric kUnderReplicatedPartitions{
    .domain = "kafka.server",
    .type = "ReplicaManager",
    .name = "UnderReplicatedPartitions",
    .kind = Kind::Gauge,
    .doc = "Led partitions with replicas that are not in sync."};
inline constexpr Metric kUnderMinIsrPartitionCount{
    .domain = "kafka.server",
    .type = "ReplicaManager",
    .name = "UnderMinIsrPartitionCount",
    .kind = Kind::Gauge,
    .doc = "Led partitions with fewer in-sync replicas than min.insync.replicas."};
inline constexpr Metric kAtMinIsrPartitionCount{
    .domain = "kafka.server",
    .type = "ReplicaManager",
    .name = "AtMinIsrPartitionCount",
    .kind = Kind::Gauge,
    .doc = "Led partitions with just as many in-sync replicas as min.insync.replicas."};
inline constexpr Metric kLeaderReplicationByteRate{
    .domain = "kafka.server",
    .type = "LeaderReplication",
    .name = "byte-rate",
    .kind = Kind::Gauge,
    .doc =
        "Bytes a second sent to throttled replicas that are not in sync, while there is a "
        "limit (leader.replication.throttled.rate)."};
inline constexpr Metric kFollowerReplicationByteRate{
    .domain = "kafka.server",
    .type = "FollowerReplication",
    .name = "byte-rate",
    .kind = Kind::Gauge,
    .doc =
        "Bytes a second taken for throttled replicas that are not in sync, while there is a "
        "limit (follower.replication.throttled.rate)."};
inline constexpr Metric kProducerIdCount{.domain = "kafka.server",
                                         .type = "ReplicaManager",
                                         .name = "ProducerIdCount",
                                         .kind = Kind::Gauge,
                                         .doc = "Idempotent producers whose state is kept."};
inline constexpr Metric kPartitionsWithLateTransactionsCount{
    .domain = "kafka.server",
    .type = "ReplicaManager",
    .name = "PartitionsWithLateTransactionsCount",
    .kind = Kind::Gauge,
    .doc =
        "Led partitions with a transaction that is open for longer than any may be: it hangs "
        "(`ottla transactions find-hanging`)."};
inline constexpr Metric kOldestOpenTransactionAgeMs{
    .domain = "kafka.server",
    .type = "ReplicaManager",
    .name = "OldestOpenTransactionAgeMs",
    .kind = Kind::Gauge,
    .doc =
        "Since the last record of the transaction that holds read_committed consumers back the "
        "longest, of the led partitions. Ottla only."};
inline constexpr Metric kIsrExpands{.domain = "kafka.server",
                                    .type = "ReplicaManager",
                                    .name = "IsrExpandsPerSec",
                                    .kind = Kind::Counter,
                                    .doc = "Followers that came into the ISR."};
inline constexpr Metric kIsrShrinks{.domain = "kafka.server",
                                    .type = "ReplicaManager",
                                    .name = "IsrShrinksPerSec",
                                    .kind = Kind::Counter,
                                    .doc = "Followers that left the ISR."};
inline constexpr Metric kFailedIsrUpdates{.domain = "kafka.server",
                                          .type = "ReplicaManager",
                                          .name = "FailedIsrUpdatesPerSec",
                                          .kind = Kind::Counter,
                                          .doc = "Changes of an ISR that the controller refused."};
inline constexpr Metric kReplicaMaxLag{
    .domain = "kafka.server",
    .type = "ReplicaFetcherManager",
    .name = "MaxLag",
    .kind = Kind::Gauge,
    .labels = {"clientId"},
    .doc = "The most records that a follower here is behind its leader."};
inline constexpr Metric kFailedPartitionsCount{
    .domain = "kafka.server",
    .type = "ReplicaFetcherManager",
    .name = "FailedPartitionsCount",
    .kind = Kind::Gauge,
    .labels = {"clientId"},
    .doc =
        "Follower partitions that stopped replicating after an error: always 0, they try again for "
        "ever."};
inline constexpr Metric kFollowerLag{.domain = "kafka.server",
                                     .type = "FetcherLagMetrics",
                                     .name = "ConsumerLag",
                                     .kind = Kind::Gauge,
                                     .labels = {"clientId", "topic", "partition"},
                                     .doc = "Records that a follower here is behind its leader."};
inline constexpr Metric kPartitionUnderReplicated{.domain = "kafka.cluster",
                                                  .type = "Partition",
                                                  .name = "UnderReplicated",
                                                  .kind = Kind::Gauge,
                                                  .labels = {"topic", "partition"},
                                                  .doc = "1 if replicas are not in sync."};
inline constexpr Metric kPartitionUnderMinIsr{.domain = "kafka.cluster",
                                              .type = "Partition",
                                              .name = "UnderMinIsr",
                                              .kind = Kind::Gauge,
                                              .labels = {"topic", "partition"},
                                              .doc = "1 below min.insync.replicas."};
inline constexpr Metric kPartitionAtMinIsr{.domain = "kafka.cluster",
                                           .type = "Partition",
                                           .name = "AtMinIsr",
                                           .kind = Kind::Gauge,
                                           .labels = {"topic", "partition"},
                                           .doc = "1 at min.insync.replicas."};
inline constexpr Metric kPartitionInSyncReplicasCount{.domain = "kafka.cluster",
                                                      .type = "Partition",
                                                      .name = "InSyncReplicasCount",
                                                      .kind = Kind::Gauge,
                                                      .labels = {"topic", "partition"},
                                                      .doc = "Replicas in sync."};
inline constexpr Metric kPartitionReplicasCount{
    .domain = "kafka.cluster",
    .type = "Partition",
    .name = "ReplicasCount",
    .kind = Kind::Gauge,
    .labels = {"topic", "partition"},
    .doc = "Replicas, but those that a reassignment adds (KIP-352)."};
inline constexpr Metric kPartitionLastStableOffsetLag{
    .domain = "kafka.cluster",
    .type = "Partition",
    .name = "LastStableOffsetLag",
    .kind = Kind::Gauge,
    .labels = {"topic", "partition"},
    .doc =
        "High watermark minus last stable offset, of the partitions where a transaction is open."};

inline constexpr Metric kReadableRecordsCut{
    .domain = "kafka.server",
    .type = "ReplicaManager",
    .name = "ReadableRecordsCut",
    .kind = Kind::Gauge,
    .doc =
        "Records that consumers could read, and that this broker cut because the leader of an "
        "unclean election did not have them; since its start. Ottla only."};

inline constexpr Metric kReplicaMinFetchRate{
    .domain = "kafka.server",
    .type = "ReplicaFetcherManager",
    .name = "MinFetchRate",
    .kind = Kind::Gauge,
    .labels = {"clientId"},
    .doc = "Messages a second from the leader that sends the fewest, lately; 0 without leaders."};
inline constexpr Metric kReassigningPartitions{.domain = "kafka.server",
                                               .type = "ReplicaManager",
                                               .name = "ReassigningPartitions",
                                               .kind = Kind::Gauge,
                                               .doc = "Led partitions that are being reassigned."};
inline constexpr Metric kColdReadBytes{
    .domain = "kafka.server",
    .type = "ColdReads",
    .name = "BytesRead",
    .kind = Kind::Gauge,
    .doc =
        "Bytes that fetches and followers had to get from the disk, since the start. Ottla only."};
inline constexpr Metric kColdReadBytesDropped{
    .domain = "kafka.server",
    .type = "ColdReads",
    .name = "BytesDropped",
    .kind = Kind::Gauge,
    .doc = "Of those: bytes that the page cache was told to let go of again. Ottla only."};
inline constexpr Metric kColdReadersWaiting{
    .domain = "kafka.server",
    .type = "ColdReads",
    .name = "ReadersWaiting",
    .kind = Kind::Gauge,
    .doc = "Clients and followers whose read from the disk waits for its turn. Ottla only."};
inline constexpr Metric kColdReadersHeldBack{
    .domain = "kafka.server",
    .type = "ColdReads",
    .name = "ReadersHeldBack",
    .kind = Kind::Gauge,
    .doc =
        "Clients that have had what ottla.cold.read.bytes.per.second.per.client gives them. Ottla "
        "only."};
inline constexpr Metric kLogMoveMaxLag{
    .domain = "kafka.server",
    .type = "ReplicaAlterLogDirsManager",
    .name = "MaxLag",
    .kind = Kind::Gauge,
    .labels = {"clientId"},
    .doc =
        "The most records that a log which is being moved to another log dir still lacks there."};
inline constexpr Metric kLogMovesUnderWay{
    .domain = "kafka.server",
    .type = "LogDirMoves",
    .name = "UnderWay",
    .kind = Kind::Gauge,
    .doc = "Logs that are being moved to another log dir, or wait for their turn. Ottla only."};
inline constexpr Metric kLogMovesCompleted{
    .domain = "kafka.server",
    .type = "LogDirMoves",
    .name = "Completed",
    .kind = Kind::Gauge,
    .doc = "Logs that were moved to another log dir, since the start. Ottla only."};
inline constexpr Metric kLogMoveBytes{
    .domain = "kafka.server",
    .type = "LogDirMoves",
    .name = "BytesCopied",
    .kind = Kind::Gauge,
    .doc = "Bytes that were copied from log dir to log dir, since the start. Ottla only."};
inline constexpr Metric kLogMoveFailures{
    .domain = "kafka.server",
    .type = "LogDirMoves",
    .name = "Failures",
    .kind = Kind::Gauge,
    .doc =
        "Steps of moves between log dirs that failed, since the start; each is tried again, "
        "unless a log dir went offline. Ottla only."};

inline constexpr const Metric* kReplicaMetrics[] = {
    &kColdReadBytes,
    &kColdReadBytesDropped,
    &kColdReadersWaiting,
    &kColdReadersHeldBack,
    &kLogMoveMaxLag,
    &kLogMovesUnderWay,
    &kLogMovesCompleted,
    &kLogMoveBytes,
    &kLogMoveFailures,
    &kReadableRecordsCut,
    &kLeaderCount,
    &kPartitionCount,
    &kOfflineReplicaCount,
    &kUnderReplicatedPartitions,
    &kUnderMinIsrPartitionCount,
    &kAtMinIsrPartitionCount,
    &kProducerIdCount,
    &kLeaderReplicationByteRate,
    &kFollowerReplicationByteRate,
    &kPartitionsWithLateTransactionsCount,
    &kOldestOpenTransactionAgeMs,
    &kIsrExpands,
    &kIsrShrinks,
    &kFailedIsrUpdates,
    &kReplicaMaxLag,
    &kFailedPartitionsCount,
    &kFollowerLag,
    &kPartitionUnderReplicated,
    &kPartitionUnderMinIsr,
    &kPartitionAtMinIsr,
    &kPartitionInSyncReplicasCount,
    &kPartitionReplicasCount,
    &kPartitionLastStableOffsetLag,
    &kReplicaMinFetchRate,
    &kReassigningPartitions,
};

}  // namespace ottla::metrics
