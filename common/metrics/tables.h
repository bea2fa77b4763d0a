#pragma once

#include <vector>

#include "common/metrics/metric.h"

namespace ottla::metrics {

/// Every metric that is declared, sorted by Prometheus' name.
[[nodiscard]] std::vector<const Metric*> all_metrics();

}  // namespace ottla::metrics
