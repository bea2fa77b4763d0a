#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/metrics/registry.h"

namespace ottla::metrics {

/// The average and the longest of the last minute, as Kafka's Avg and Max have it: NaN if there was
/// nothing. Of more than a thousand in a minute, the last thousand.
/// Thread: any (mutex_).
class Recent {
 public:
  /// Seconds of any clock that only goes forward.
  using Now = std::function<double()>;

  Recent(Registry& registry, const Metric& average, const Metric& longest, Now now)
      : now_(std::move(now)) {
    gauges_.push_back(registry.gauge(average, [this] { return this->average(); }));
    gauges_.push_back(registry.gauge(longest, [this] { return this->longest(); }));
  }

  void record(double value) {
    const double now = now_();
    const MutexLock lock(mutex_);
    values_.push_back({now, value});
    if (values_.size() > kMost) values_.pop_front();
  }

  [[nodiscard]] double average() {
    const MutexLock lock(mutex_);
    forget_old();
    double sum = 0;
    for (const Value& each : values_) sum += each.value;
    return values_.empty() ? kNothing : sum / static_cast<double>(values_.size());
  }
  [[nodiscard]] double longest() {
    const MutexLock lock(mutex_);
    forget_old();
    const auto found = std::max_element(
        values_.begin(), values_.end(),
        [](const Value& one, const Value& other) { return one.value < other.value; });
    return found == values_.end() ? kNothing : found->value;
  }

 private:
  /// metrics.sample.window.ms times metrics.num.samples, by their defaults.
  static constexpr double kWindowSeconds = 60;
  static constexpr std::size_t kMost = 1000;
  static constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
  struct Value {
    double at;
    double value;
  };

  void forget_old() OTTLA_REQUIRES(mutex_) {
    const double now = now_();
    while (!values_.empty() && now - values_.front().at > kWindowSeconds) values_.pop_front();
  }

  const Now now_;
  Mutex mutex_{LockRank::Leaf};
  std::deque<Value> values_ OTTLA_GUARDED_BY(mutex_);
  std::vector<Registry::Registration> gauges_;  ///< Ends first.
};

}  // namespace ottla::metrics
