#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ottla::metrics {

/// What a metric is; between brackets, what Kafka's JMX calls it.
enum class Kind : std::uint8_t {
  Counter,    ///< Only grows (meter: dashboards take its rate).
  Gauge,      ///< A function of the model, asked when somebody looks.
  Histogram,  ///< Count, sum and quantiles of the last minutes (histogram, timer).
};

/// As Prometheus' text format calls it.
[[nodiscard]] constexpr std::string_view prometheus_type(Kind kind) {
  switch (kind) {
    case Kind::Counter:
      return "counter";
    case Kind::Gauge:
      return "gauge";
    case Kind::Histogram:
      return "summary";
  }
  return "untyped";
}

inline constexpr std::size_t kMaxLabels = 3;

/// One metric, declared once, under the name of Kafka's MBean:
/// `<domain>:type=<type>,name=<name>,<label>=...`.
struct Metric {
  std::string_view domain;
  std::string_view type;
  std::string_view name;
  Kind kind = Kind::Counter;
  std::array<std::string_view, kMaxLabels> labels{};
  std::string_view doc{};

  friend constexpr bool operator==(const Metric& a, const Metric& b) {
    return a.domain == b.domain && a.type == b.type && a.name == b.name && a.labels == b.labels;
  }
};

/// The name under which the Prometheus JMX exporter's usual rules show the MBean, so that
/// dashboards carry over: `kafka_server_brokertopicmetrics_bytesin_total`.
[[nodiscard]] std::string prometheus_name(const Metric& metric);

}  // namespace ottla::metrics
