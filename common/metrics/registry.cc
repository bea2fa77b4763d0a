#include "common/metrics/registry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <deque>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

namespace ottla::metrics {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;
constexpr std::chrono::seconds kWindow{60};
/// Of this counter Confluent's dashboards ask for the rate.
constexpr std::string_view kShownByRate = "DeprecatedRequestsPerSec";

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

/// A counter's growth over the last five minutes, for the one name of Confluent's rules that is a
/// rate.
class FiveMinuteRate {
 public:
  [[nodiscard]] double of(std::int64_t value, TimePoint now) {
    while (looks_.size() > 1 && now - looks_.front().first > std::chrono::minutes(5)) {
      looks_.pop_front();
    }
    if (looks_.empty() || now - looks_.back().first >= std::chrono::seconds(1)) {
      looks_.emplace_back(now, value);
    }
    const double seconds = std::chrono::duration<double>(now - looks_.front().first).count();
    return seconds > 0 ? static_cast<double>(value - looks_.front().second) / seconds : 0;
  }

 private:
  std::deque<std::pair<TimePoint, std::int64_t>> looks_;
};

struct Family {
  Metric metric;
  Series<Counter> counters;
  Series<Histogram> histograms;
  std::map<LabelValues, Windows> windows;
  std::map<LabelValues, FiveMinuteRate> rates;
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

/// One metric as it is being written.
struct Page {
  std::string& out;
  const Metric& metric;
  std::string name;
  std::array<std::string, kMaxLabels> labels;
};

/// `extra` is a label of the format's own: quantile or le.
void append_sample(const Page& page, std::string_view suffix, const LabelValues& labels,
                   std::string_view extra, std::string_view extra_value, double value) {
  std::string& out = page.out;
  out += page.name;
  out += suffix;
  char before = '{';
  for (std::size_t at = 0; at < labels.size() && at < kMaxLabels; ++at) {
    out += before;
    out += page.labels.at(at);
    out += "=\"";
    append_escaped(out, labels[at]);
    out += '"';
    before = ',';
  }
  if (!extra.empty()) {
    out += before;
    out += extra;
    out += "=\"";
    out += extra_value;
    out += '"';
    before = ',';
  }
  if (before == ',') out += '}';
  out += ' ';
  append_number(out, value);
  out += '\n';
}

void append_sample(const Page& page, const LabelValues& labels, double value) {
  append_sample(page, "", labels, "", "", value);
}

constexpr std::array<std::pair<std::string_view, double>, 6> kQuantiles = {{{"0.5", 0.5},
                                                                            {"0.75", 0.75},
                                                                            {"0.95", 0.95},
                                                                            {"0.98", 0.98},
                                                                            {"0.99", 0.99},
                                                                            {"0.999", 0.999}}};

void append_sum_and_count(const Page& page, const LabelValues& labels, const Histogram& histogram) {
  const auto scale = static_cast<double>(page.metric.scale);
  append_sample(page, "_sum", labels, "", "", static_cast<double>(histogram.sum()) / scale);
  append_sample(page, "_count", labels, "", "", static_cast<double>(histogram.count()));
}

void append_histogram(const Page& page, const LabelValues& labels, const Histogram& histogram,
                      Windows& windows, TimePoint now) {
  Histogram::Counts recent = histogram.counts();
  if (windows.began == TimePoint{}) windows.began = now;
  if (now - windows.began >= kWindow) {
    windows.before = now - windows.began >= 2 * kWindow ? recent : windows.start;
    windows.start = recent;
    windows.began = now;
  }
  for (std::size_t at = 0; at < recent.size(); ++at) recent[at] -= windows.before[at];
  const auto scale = static_cast<double>(page.metric.scale);
  for (const auto& [text, part] : kQuantiles) {
    append_sample(page, "", labels, "quantile", text,
                  static_cast<double>(quantile(recent, part)) / scale);
  }
  append_sum_and_count(page, labels, histogram);
}

/// Upper bounds in the unit shown: for seconds.
constexpr std::array<std::pair<std::string_view, double>, 14> kBounds = {{{"0.0005", 0.0005},
                                                                          {"0.001", 0.001},
                                                                          {"0.0025", 0.0025},
                                                                          {"0.005", 0.005},
                                                                          {"0.01", 0.01},
                                                                          {"0.025", 0.025},
                                                                          {"0.05", 0.05},
                                                                          {"0.1", 0.1},
                                                                          {"0.25", 0.25},
                                                                          {"0.5", 0.5},
                                                                          {"1", 1},
                                                                          {"2.5", 2.5},
                                                                          {"5", 5},
                                                                          {"10", 10}}};

/// What lies in a bucket of ours that a bound cuts counts as above it.
void append_buckets(const Page& page, const LabelValues& labels, const Histogram& histogram) {
  const Histogram::Counts counts = histogram.counts();
  const auto scale = static_cast<double>(page.metric.scale);
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  for (const auto& [text, bound] : kBounds) {
    for (; bucket < counts.size() &&
           static_cast<double>(Histogram::highest_of(bucket)) <= bound * scale;
         ++bucket) {
      below += counts[bucket];
    }
    append_sample(page, "_bucket", labels, "le", text, static_cast<double>(below));
  }
  const std::uint64_t all = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  append_sample(page, "_bucket", labels, "le", "+Inf", static_cast<double>(all));
  append_sum_and_count(page, labels, histogram);
}

}  // namespace

struct Registry::State {
  mutable Mutex mutex{LockRank::Metrics};
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

void Registry::share(const Metric& metric, LabelValues labels,
                     const std::shared_ptr<Histogram>& histogram) {
  const MutexLock lock(state_->mutex);
  state_->family(metric).histograms.children[std::move(labels)] = histogram;
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

std::optional<std::int64_t> Registry::counter_value(const Metric& metric,
                                                    const LabelValues& labels) const {
  const MutexLock lock(state_->mutex);
  const auto family = state_->families.find(prometheus_name(metric));
  if (family == state_->families.end()) return std::nullopt;
  const auto& children = family->second.counters.children;
  const auto child = children.find(labels);
  const auto counter = child == children.end() ? nullptr : child->second.lock();
  return counter ? std::optional(counter->value()) : std::nullopt;
}

std::string Registry::prometheus_text(std::chrono::steady_clock::time_point now, Dialect dialect) {
  struct Part {
    Metric metric;
    std::string name;
    std::string text;  // of counters and histograms
    std::vector<std::shared_ptr<Gauge>> gauges;

    [[nodiscard]] Page page(Dialect wanted) {
      Page page{text, metric, name, {}};
      for (std::size_t at = 0; at < kMaxLabels; ++at) {
        if (!metric.labels[at].empty()) page.labels[at] = label_name(metric, at, wanted);
      }
      return page;
    }
  };
  std::vector<Part> parts;
  {
    const MutexLock lock(state_->mutex);
    parts.reserve(state_->families.size());
    for (auto& [key, family] : state_->families) {
      Part& part = parts.emplace_back(
          Part{family.metric, prometheus_name(family.metric, dialect), {}, family.gauges});
      const Page page = part.page(dialect);
      for (const auto& [labels, counter] : family.counters.living()) {
        const std::int64_t value = counter->value();
        if (dialect == Dialect::Confluent && family.metric.name == kShownByRate) {
          append_sample(page, "_count", labels, "", "", static_cast<double>(value));
          append_sample(page, "_fiveminuterate", labels, "", "",
                        family.rates[labels].of(value, now));
        } else {
          append_sample(page, labels, static_cast<double>(value));
        }
      }
      for (const auto& [labels, histogram] : family.histograms.living()) {
        if (family.metric.kind == Kind::Buckets) {
          append_buckets(page, labels, *histogram);
        } else {
          append_histogram(page, labels, *histogram, family.windows[labels], now);
        }
      }
    }
  }
  std::string text;
  for (Part& part : parts) {
    const Page page = part.page(dialect);
    for (const auto& [labels, value] : look(part.gauges)) append_sample(page, labels, value);
    if (part.text.empty()) continue;
    text += "# HELP " + part.name + ' ' + std::string(part.metric.doc) + '\n';
    text += "# TYPE " + part.name + ' ' + std::string(prometheus_type(part.metric.kind)) + '\n';
    text += part.text;
  }
  return text;
}

}  // namespace ottla::metrics
