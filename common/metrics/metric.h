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
  Buckets,    ///< Count and sum in fixed buckets, which add up over brokers; Ottla only.
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
    case Kind::Buckets:
      return "histogram";
  }
  return "untyped";
}

inline constexpr std::size_t kMaxLabels = 4;

/// One metric, declared once, under the name of Kafka's MBean:
/// `<domain>:type=<type>,name=<name>,<label>=...`.
struct Metric {
  std::string_view domain;
  std::string_view type;
  std::string_view name;
  Kind kind = Kind::Counter;
  std::array<std::string_view, kMaxLabels> labels{};
  std::string_view doc{};
  /// What is recorded for each unit that is shown: 1000 if microseconds are shown as milliseconds.
  std::int64_t scale = 1;

  friend constexpr bool operator==(const Metric& a, const Metric& b) {
    return a.domain == b.domain && a.type == b.type && a.name == b.name && a.labels == b.labels;
  }
};

/// Which of the names in use a look is to show.
enum class Dialect : std::uint8_t {
  JmxExporter,  ///< The JMX exporter's example rules:
                ///< `kafka_server_brokertopicmetrics_bytesin_total`
  Confluent,    ///< Confluent's rules: `kafka_server_brokertopicmetrics_bytesinpersec`
};

/// The name under which the Prometheus JMX exporter shows the MBean by these rules, so that
/// dashboards carry over.
[[nodiscard]] std::string prometheus_name(const Metric& metric,
                                          Dialect dialect = Dialect::JmxExporter);
[[nodiscard]] std::string label_name(const Metric& metric, std::size_t label,
                                     Dialect dialect = Dialect::JmxExporter);

}  // namespace ottla::metrics
