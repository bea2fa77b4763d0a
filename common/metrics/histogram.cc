#include "common/metrics/histogram.h"

#include <cmath>
#include <numeric>

namespace ottla::metrics {

Histogram::Counts Histogram::counts() const {
  Counts counts{};
  for (std::size_t at = 0; at < kBuckets; ++at) {
    counts[at] = buckets_[at].load(std::memory_order_relaxed);
  }
  return counts;
}

std::uint64_t quantile(const Histogram::Counts& counts, double part) {
  const auto total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (total == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(total)));
  std::uint64_t seen = 0;
  for (std::size_t at = 0; at < counts.size(); ++at) {
    seen += counts[at];
    if (seen >= wanted && seen > 0) return Histogram::highest_of(at);
  }
  return Histogram::highest_of(counts.size() - 1);
}

}  // namespace ottla::metrics
