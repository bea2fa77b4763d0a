#include "common/metrics/registry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

namespace ottla::metrics {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;
constexpr std::chrono::seconds kWindow{60};

/// The buckets at the start of this window and of the one before.
struct Windows {
  TimePoint began{};
  Histogram::Counts before{};
  Histogram::Counts start{};
};

struct Gauge {
  explicit Gauge(std::function<void(GaugeSink&)> function) : collect(std::move(function)) {}

  Mutex running{LockRank::BrokerLifecycle};  // held around the call, so that an end waits for it
  std::function<void(GaugeSink&)> collect OTTLA_GUARDED_BY(running);
};

/// The counters or histograms of one metric.
template <class T>
struct Series {
  std::map<LabelValues, std::weak_ptr<T>> children;

  std::shared_ptr<T> child(LabelValues labels) {
    auto& slot = children[std::move(labels)];
    auto held = slot.lock();
    if (!held) {
      held = std::make_shared<T>();
      slot = held;
    }
    return held;
  }
  [[nodiscard]] std::vector<std::pair<LabelValues, std::shared_ptr<T>>> living() {
    std::vector<std::pair<LabelValues, std::shared_ptr<T>>> result;
    for (auto at = children.begin(); at != children.end();) {
      if (auto held = at->second.lock()) {
        result.emplace_back(at->first, std::move(held));
        ++at;
      } else {
        at = children.erase(at);
      }
    }
    return result;
  }
};

struct Family {
  Metric metric;
  Series<Counter> counters;
  Series<Histogram> histograms;
  std::map<LabelValues, Windows> windows;
  std::vector<std::shared_ptr<Gauge>> gauges;
};

/// Gathers samples of a gauge while its owner calls `add`.
class GatheringSink final : public GaugeSink {
 public:
  void add(const LabelValues& labels, double value) override {
    samples.emplace_back(labels, value);
  }
  std::vector<std::pair<LabelValues, double>> samples;
};

std::vector<std::pair<LabelValues, double>> look(
    const std::vector<std::shared_ptr<Gauge>>& gauges) {
  GatheringSink sink;
  for (const auto& gauge : gauges) {
    const MutexLock lock(gauge->running);
    if (gauge->collect) gauge->collect(sink);
  }
  return std::move(sink.samples);
}

std::string label_name(std::string_view name) {
  std::string result(name);
  std::ranges::replace(result, '-', '_');
  return result;
}

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  std::array<char, 40> buffer{};
  const bool whole = std::trunc(value) == value && std::abs(value) < 1e15;
  const auto end = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                         static_cast<std::int64_t>(value))
                               .ptr
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

void append_sample(std::string& out, const std::string& name, const Metric& metric,
                   const LabelValues& labels, std::string_view quantile, double value) {
  out += name;
  std::string inside;
  for (std::size_t at = 0; at < labels.size() && at < kMaxLabels; ++at) {
    if (!inside.empty()) inside += ',';
    inside += label_name(metric.labels.at(at)) + "=\"";
    append_escaped(inside, labels[at]);
    inside += '"';
  }
  if (!quantile.empty()) {
    if (!inside.empty()) inside += ',';
    inside += "quantile=\"" + std::string(quantile) + '"';
  }
  if (!inside.empty()) out += '{' + inside + '}';
  out += ' ';
  append_number(out, value);
  out += '\n';
}

constexpr std::array<std::pair<std::string_view, double>, 6> kQuantiles = {{{"0.5", 0.5},
                                                                            {"0.75", 0.75},
                                                                            {"0.95", 0.95},
                                                                            {"0.98", 0.98},
                                                                            {"0.99", 0.99},
                                                                            {"0.999", 0.999}}};

void append_histogram(std::string& out, const std::string& name, const Metric& metric,
                      const LabelValues& labels, const Histogram& histogram, Windows& windows,
                      TimePoint now) {
  Histogram::Counts recent = histogram.counts();
  if (windows.began == TimePoint{}) windows.began = now;
  if (now - windows.began >= kWindow) {
    windows.before = now - windows.began >= 2 * kWindow ? recent : windows.start;
    windows.start = recent;
    windows.began = now;
  }
  for (std::size_t at = 0; at < recent.size(); ++at) recent[at] -= windows.before[at];
  for (const auto& [text, part] : kQuantiles) {
    append_sample(out, name, metric, labels, text, static_cast<double>(quantile(recent, part)));
  }
  append_sample(out, name + "_sum", metric, labels, "", static_cast<double>(histogram.sum()));
  append_sample(out, name + "_count", metric, labels, "", static_cast<double>(histogram.count()));
}

}  // namespace

struct Registry::State {
  mutable Mutex mutex{LockRank::Leaf};
  std::map<std::string, Family> families OTTLA_GUARDED_BY(mutex);  // by Prometheus' name

  Family& family(const Metric& metric) OTTLA_REQUIRES(mutex) {
    auto& family = families[prometheus_name(metric)];
    family.metric = metric;
    return family;
  }
};

Registry::Registry() : state_(std::make_shared<State>()) {}
Registry::~Registry() = default;

std::shared_ptr<Counter> Registry::counter(const Metric& metric, LabelValues labels) {
  const MutexLock lock(state_->mutex);
  return state_->family(metric).counters.child(std::move(labels));
}

std::shared_ptr<Histogram> Registry::histogram(const Metric& metric, LabelValues labels) {
  const MutexLock lock(state_->mutex);
  return state_->family(metric).histograms.child(std::move(labels));
}

Registry::Registration Registry::gauge(const Metric& metric, std::function<double()> value,
                                       LabelValues labels) {
  return gauges(metric, [value = std::move(value), labels = std::move(labels)](GaugeSink& sink) {
    sink.add(labels, value());
  });
}

Registry::Registration Registry::gauges(const Metric& metric,
                                        std::function<void(GaugeSink&)> collect) {
  auto gauge = std::make_shared<Gauge>(std::move(collect));
  const std::string name = prometheus_name(metric);
  {
    const MutexLock lock(state_->mutex);
    state_->family(metric).gauges.push_back(gauge);
  }
  return Registration(nullptr, [state = state_, gauge, name](void*) {
    {
      const MutexLock lock(state->mutex);
      std::erase(state->families[name].gauges, gauge);
    }
    const MutexLock lock(gauge->running);
    gauge->collect = nullptr;
  });
}

std::vector<Registry::Sample> Registry::samples() const {
  std::vector<Sample> samples;
  std::vector<std::pair<const Metric*, std::vector<std::shared_ptr<Gauge>>>> gauges;
  {
    const MutexLock lock(state_->mutex);
    for (auto& [name, family] : state_->families) {
      for (const auto& [labels, counter] : family.counters.living()) {
        samples.push_back({&family.metric, labels, static_cast<double>(counter->value())});
      }
      for (const auto& [labels, histogram] : family.histograms.living()) {
        samples.push_back({&family.metric, labels, static_cast<double>(histogram->count())});
      }
      if (!family.gauges.empty()) gauges.emplace_back(&family.metric, family.gauges);
    }
  }
  for (const auto& [metric, some] : gauges) {
    for (auto& [labels, value] : look(some)) samples.push_back({metric, labels, value});
  }
  return samples;
}

std::string Registry::prometheus_text(std::chrono::steady_clock::time_point now) {
  struct Part {
    std::string name;
    Metric metric;
    std::string text;  // of counters and histograms
    std::vector<std::shared_ptr<Gauge>> gauges;
  };
  std::vector<Part> parts;
  {
    const MutexLock lock(state_->mutex);
    for (auto& [name, family] : state_->families) {
      Part part{name, family.metric, {}, family.gauges};
      for (const auto& [labels, counter] : family.counters.living()) {
        append_sample(part.text, name, family.metric, labels, "",
                      static_cast<double>(counter->value()));
      }
      for (const auto& [labels, histogram] : family.histograms.living()) {
        append_histogram(part.text, name, family.metric, labels, *histogram, family.windows[labels],
                         now);
      }
      parts.push_back(std::move(part));
    }
  }
  std::string text;
  for (auto& part : parts) {
    for (const auto& [labels, value] : look(part.gauges)) {
      append_sample(part.text, part.name, part.metric, labels, "", value);
    }
    if (part.text.empty()) continue;
    text += "# HELP " + part.name + ' ' + std::string(part.metric.doc) + '\n';
    text += "# TYPE " + part.name + ' ' + std::string(prometheus_type(part.metric.kind)) + '\n';
    text += part.text;
  }
  return text;
}

}  // namespace ottla::metrics
