#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/network/network.h"
#include "common/env/clock.h"
#include "common/env/resizable_pool.h"
#include "common/metrics/rate.h"
#include "common/metrics/registry.h"

namespace ottla::network {

/// Shows the connections, event loops and I/O threads of a network among the metrics, for as long
/// as it lives.
class NetworkGauges {
 public:
  /// `io_pool` does what the loops must not wait for.
  NetworkGauges(const Network& network, const env::ResizablePool& io_pool, const env::Clock& clock,
                metrics::Registry& registry);

 private:
  using Rates = std::map<std::string, metrics::Rate>;

  [[nodiscard]] double seconds() const;
  /// 0 to 1, by loop.
  [[nodiscard]] std::vector<double> idle(std::vector<metrics::Rate>& rates) const;

  const Network& network_;
  const env::ResizablePool& io_pool_;
  const env::Clock& clock_;
  // Each is one gauge's own: looks at one gauge come one at a time.
  std::vector<metrics::Rate> busy_of_loops_;
  std::vector<metrics::Rate> busy_of_each_loop_;
  metrics::Rate busy_of_pool_;
  Rates creations_;
  Rates closes_;
  Rates blocked_;
  std::vector<metrics::Registry::Registration> gauges_;  ///< Ends first.
};

}  // namespace ottla::network
