#pragma once

#include <chrono>

#include "broker/replica/replicas.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"

namespace ottla::replica {

/// Open transactions of the led partitions, for those who wait for read_committed consumers (N30).
/// Thread: any; looks at the replicas when it is asked.
class TransactionGauges {
 public:
  /// `longest_transaction`: transaction.max.timeout.ms.
  TransactionGauges(const Replicas& replicas, env::Clock& clock,
                    std::chrono::milliseconds longest_transaction, metrics::Registry& registry);

 private:
  metrics::Registry::Registration late_;
  metrics::Registry::Registration oldest_;
  metrics::Registry::Registration lag_;
  metrics::Registry::Registration producers_;
};

}  // namespace ottla::replica
