#include "common/metrics/tables.h"

#include <algorithm>

#include "common/metrics/controller_metrics.h"
#include "common/metrics/group_metrics.h"
#include "common/metrics/log_metrics.h"
#include "common/metrics/network_metrics.h"
#include "common/metrics/ottla_metrics.h"
#include "common/metrics/replica_metrics.h"
#include "common/metrics/server_metrics.h"
#include "common/metrics/transaction_metrics.h"

namespace ottla::metrics {

std::vector<const Metric*> all_metrics() {
  std::vector<const Metric*> all;
  const auto take = [&](const auto& area) {
    all.insert(all.end(), std::begin(area), std::end(area));
  };
  take(kServerMetrics);
  take(kReplicaMetrics);
  take(kControllerMetrics);
  take(kNetworkMetrics);
  take(kLogMetrics);
  take(kGroupMetrics);
  take(kTransactionMetrics);
  take(kOttlaMetrics);
  std::ranges::sort(all, {}, [](const Metric* metric) { return prometheus_name(*metric); });
  return all;
}

}  // namespace ottla::metrics
