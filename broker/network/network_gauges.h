#pragma once

#include "broker/network/network.h"
#include "common/metrics/registry.h"

namespace ottla::network {

/// Shows the connections of a network among the metrics, for as long as it lives.
class NetworkGauges {
 public:
  NetworkGauges(const Network& network, metrics::Registry& registry);

 private:
  metrics::Registry::Registration connections_;
  metrics::Registry::Registration expired_;
};

}  // namespace ottla::network
