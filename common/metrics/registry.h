#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/mutex.h"
#include "common/metrics/counter.h"
#include "common/metrics/histogram.h"
#include "common/metrics/metric.h"

namespace ottla::metrics {

/// Values of a metric's labels, in the order of its row; fewer than labels is fine (the total over
/// all topics has no topic).
using LabelValues = std::vector<std::string>;

/// Takes the samples of a gauge that has many.
class GaugeSink {
 public:
  virtual ~GaugeSink() = default;
  virtual void add(const LabelValues& labels, double value) = 0;
};

/// All metrics of one broker. Hold on to what you get: a series lives as long as its holder, so the
/// counters of a topic vanish with its last partition. Thread: any.
class Registry {
 public:
  Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  /// The counter with these labels; the same one for everybody who asks.
  [[nodiscard]] std::shared_ptr<Counter> counter(const Metric& metric, LabelValues labels = {});
  [[nodiscard]] std::shared_ptr<Histogram> histogram(const Metric& metric, LabelValues labels = {});
  /// Shows what `histogram` holds as this metric too.
  void share(const Metric& metric, LabelValues labels, const std::shared_ptr<Histogram>& histogram);

  /// Ends a gauge when it is destroyed; waits for a look that is under way.
  using Registration = std::shared_ptr<void>;
  /// A gauge is a function that is called on the thread of whoever looks, under no lock of its
  /// owner's: it must be safe there, and short.
  [[nodiscard]] Registration gauge(const Metric& metric, std::function<double()> value,
                                   LabelValues labels = {});
  /// A gauge with as many samples as it likes: one function for all partitions.
  [[nodiscard]] Registration gauges(const Metric& metric, std::function<void(GaugeSink&)> collect);

  /// One value as a looker sees it, for the status page and tests.
  struct Sample {
    const Metric* metric = nullptr;
    LabelValues labels;
    double value = 0;  ///< Of a histogram: the count.
  };
  [[nodiscard]] std::vector<Sample> samples() const;
  /// Of one counter; nullopt if nobody holds it.
  [[nodiscard]] std::optional<std::int64_t> counter_value(const Metric& metric,
                                                          const LabelValues& labels = {}) const;

  /// Everything in Prometheus' text format 0.0.4. Quantiles are over the last one to two minutes,
  /// by the monotonic time given.
  [[nodiscard]] std::string prometheus_text(std::chrono::steady_clock::time_point now,
                                            Dialect dialect = Dialect::JmxExporter);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ottla::metrics
