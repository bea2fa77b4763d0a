#include "common/metrics/metric.h"

#include <algorithm>
#include <cctype>

namespace ottla::metrics {

std::string prometheus_name(const Metric& metric) {
  std::string_view last = metric.name;
  constexpr std::string_view kPerSecond = "PerSec";
  const bool rate = metric.kind == Kind::Counter && last.ends_with(kPerSecond);
  if (rate) last.remove_suffix(kPerSecond.size());
  std::string name;
  for (const auto part : {metric.domain, metric.type, last}) {
    if (!name.empty()) name += '_';
    name += part;
  }
  if (metric.kind == Kind::Counter) name += "_total";
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return std::isalnum(c) != 0 ? static_cast<char>(std::tolower(c)) : '_';
  });
  return name;
}

}  // namespace ottla::metrics
