#include "broker/network/network_gauges.h"

#include "common/metrics/network_metrics.h"

namespace ottla::network {

NetworkGauges::NetworkGauges(const Network& network, metrics::Registry& registry)
    : connections_(registry.gauge(
          metrics::kConnectionCount,
          [&network] { return static_cast<double>(network.counts().open_connections); })),
      expired_(registry.gauge(metrics::kExpiredConnectionsKilled, [&network] {
        return static_cast<double>(network.counts().expired_connections);
      })) {}

}  // namespace ottla::network
