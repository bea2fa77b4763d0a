#include "broker/replica/replica_gauges.h"

#include <algorithm>
#include <atomic>

#include "broker/replica/log_moves.h"
#include "broker/replica/partition.h"
#include "broker/storage/cold_reads.h"
#include "common/metrics/replica_metrics.h"

namespace ottla::replica {
namespace {

using Role = Partition::Role;

template <class Predicate>
std::function<double()> count_of(const Replicas& replicas, Predicate predicate) {
  return [&replicas, predicate] {
    const auto all = replicas.partitions();
    return static_cast<double>(std::count_if(
        all.begin(), all.end(),
        [&](const std::shared_ptr<Partition>& each) { return predicate(each->view()); }));
  };
}

metrics::Registry::Registration gauge_of(metrics::Registry& registry, const metrics::Metric& metric,
                                         const std::atomic<std::int64_t>& count) {
  return registry.gauge(metric, [&count] { return static_cast<double>(count.load()); });
}

}  // namespace

ReplicaGauges::ReplicaGauges(const Replicas& replicas, metrics::Registry& registry)
    : partitions_(registry.gauge(
          metrics::kPartitionCount,
          [&replicas] { return static_cast<double>(replicas.partitions().size()); })),
      leaders_(registry.gauge(
          metrics::kLeaderCount,
          count_of(replicas, [](const Partition::View& it) { return it.role == Role::Leader; }))),
      offline_(registry.gauge(
          metrics::kOfflineReplicaCount,
          count_of(replicas, [](const Partition::View& it) { return it.role == Role::Offline; }))),
      under_replicated_(registry.gauge(metrics::kUnderReplicatedPartitions,
                                       count_of(replicas,
                                                [](const Partition::View& it) {
                                                  return it.role == Role::Leader &&
                                                         it.isr.size() < it.replicas.size();
                                                }))),
      leader_byte_rate_(
          registry.gauge(metrics::kLeaderReplicationByteRate,
                         [&replicas] { return replicas.leader_throttled_byte_rate(); })),
      follower_byte_rate_(
          registry.gauge(metrics::kFollowerReplicationByteRate,
                         [&replicas] { return replicas.follower_throttled_byte_rate(); })),
      records_cut_(registry.gauge(
          metrics::kReadableRecordsCut,
          [&replicas] { return static_cast<double>(replicas.readable_records_cut()); })),
      cold_bytes_read_(registry.gauge(
          metrics::kColdReadBytes,
          [&cold = replicas.cold_reads()] { return static_cast<double>(cold.bytes_read()); })),
      cold_bytes_dropped_(registry.gauge(
          metrics::kColdReadBytesDropped,
          [&cold = replicas.cold_reads()] { return static_cast<double>(cold.bytes_dropped()); })),
      cold_readers_waiting_(registry.gauge(
          metrics::kColdReadersWaiting,
          [&cold = replicas.cold_reads()] { return static_cast<double>(cold.readers_waiting()); })),
      moves_under_way_(
          gauge_of(registry, metrics::kLogMovesUnderWay, replicas.log_move_counts().under_way)),
      moves_completed_(
          gauge_of(registry, metrics::kLogMovesCompleted, replicas.log_move_counts().completed)),
      move_bytes_(
          gauge_of(registry, metrics::kLogMoveBytes, replicas.log_move_counts().bytes_copied)),
      move_failures_(
          gauge_of(registry, metrics::kLogMoveFailures, replicas.log_move_counts().failures)) {}

}  // namespace ottla::replica
