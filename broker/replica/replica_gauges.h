#pragma once

#include <map>
#include <memory>
#include <vector>

#include "broker/replica/partition.h"
#include "broker/replica/replicas.h"
#include "common/env/clock.h"
#include "common/metrics/rate.h"
#include "common/metrics/registry.h"

namespace ottla::replica {

/// Shows the partitions of this broker among the metrics, for as long as it lives: counted when
/// somebody looks (W23).
class ReplicaGauges {
 public:
  ReplicaGauges(const Replicas& replicas, const env::Clock& clock, metrics::Registry& registry);

 private:
  /// A partition as one look sees it.
  struct Look {
    TopicPartition name;
    Partition::View view;
    std::int32_t min_isr = 1;
    std::vector<FollowerHealth> followers;
    std::optional<std::int64_t> behind_leader;

    [[nodiscard]] bool is_leader() const { return view.role == PartitionRole::Leader; }
    [[nodiscard]] bool is_under_replicated() const {
      return is_leader() && view.isr.size() < view.replication_factor();
    }
    [[nodiscard]] std::int64_t spare() const {  ///< In-sync replicas beyond min.insync.replicas.
      return static_cast<std::int64_t>(view.isr.size()) - min_isr;
    }
  };
  using Looks = std::vector<Look>;

  /// All gauges of one scrape share a look.
  [[nodiscard]] std::shared_ptr<const Looks> look();
  void show_counts(metrics::Registry& registry);
  void show_partitions(metrics::Registry& registry);
  void show_replication(metrics::Registry& registry);
  void show_cold_reads(metrics::Registry& registry);
  void show_log_moves(metrics::Registry& registry);
  [[nodiscard]] double slowest_leader();

  const Replicas& replicas_;
  const env::Clock& clock_;
  Mutex mutex_{LockRank::ReplicaDirectory};
  std::shared_ptr<const Looks> last_ OTTLA_GUARDED_BY(mutex_);
  env::MonotonicTime looked_ OTTLA_GUARDED_BY(mutex_){};
  std::map<BrokerId, metrics::Rate> rates_;              ///< One gauge's own.
  std::vector<metrics::Registry::Registration> gauges_;  ///< Ends first.
};

}  // namespace ottla::replica
