#include "broker/replica/replica_gauges.h"

#include <algorithm>

#include "broker/replica/partition.h"
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
      records_cut_(registry.gauge(metrics::kReadableRecordsCut, [&replicas] {
        return static_cast<double>(replicas.readable_records_cut());
      })) {}

}  // namespace ottla::replica
