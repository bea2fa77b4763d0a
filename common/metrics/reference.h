#pragma once

#include <string>

namespace ottla::metrics {

/// docs/metrics.md: every metric, made from the tables.
[[nodiscard]] std::string reference();

}  // namespace ottla::metrics
