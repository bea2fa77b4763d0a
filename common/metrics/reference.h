#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ottla::metrics {

/// Beans of Kafka 3.9 that have no metric here, and why.
struct LeftOut {
  std::vector<std::string_view> beans;  ///< Patterns of a shell, as in `kafka.server:type=Fetch*`.
  std::string_view why;
};
[[nodiscard]] std::span<const LeftOut> left_out();

/// docs/metrics.md: every metric, made from the tables.
[[nodiscard]] std::string reference();

}  // namespace ottla::metrics
