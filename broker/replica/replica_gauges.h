#pragma once

#include "broker/replica/replicas.h"
#include "common/metrics/registry.h"

namespace ottla::replica {

/// Shows the partitions of this broker among the metrics, for as long as it lives: counted when
/// somebody looks (W23).
class ReplicaGauges {
 public:
  ReplicaGauges(const Replicas& replicas, metrics::Registry& registry);

 private:
  metrics::Registry::Registration partitions_;
  metrics::Registry::Registration leaders_;
  metrics::Registry::Registration offline_;
  metrics::Registry::Registration under_replicated_;
  metrics::Registry::Registration leader_byte_rate_;
  metrics::Registry::Registration follower_byte_rate_;
  metrics::Registry::Registration records_cut_;
  metrics::Registry::Registration cold_bytes_read_;
  metrics::Registry::Registration cold_bytes_dropped_;
  metrics::Registry::Registration cold_readers_waiting_;
  metrics::Registry::Registration moves_under_way_;
  metrics::Registry::Registration moves_completed_;
  metrics::Registry::Registration move_bytes_;
  metrics::Registry::Registration move_failures_;
};

}  // namespace ottla::replica
