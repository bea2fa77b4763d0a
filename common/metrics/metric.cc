#include "common/metrics/metric.h"

#include <algorithm>
#include <cctype>

namespace ottla::metrics {
namespace {

constexpr std::string_view kPerSecond = "PerSec";
constexpr std::string_view kPercent = "Percent";

constexpr std::string_view kSocketServer = "socket-server-metrics";

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::string joined(std::string_view domain, std::string_view type, std::string_view name) {
  std::string result;
  for (const auto part : {domain, type, name}) {
    if (part.empty()) continue;
    if (!result.empty()) result += '_';
    result += part;
  }
  std::ranges::transform(result, result.begin(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ? lower(c) : '_';
  });
  return result;
}

std::string exporter_name(const Metric& metric) {
  std::string_view last = metric.name;
  const bool is_counter = metric.kind == Kind::Counter;
  if (is_counter && last.ends_with(kPerSecond)) last.remove_suffix(kPerSecond.size());
  const bool is_percent = metric.kind == Kind::Gauge && last.ends_with(kPercent);
  if (is_percent) last.remove_suffix(kPercent.size());
  const bool says_total = last.ends_with("total");
  return joined(metric.domain, metric.type, last) + (is_counter && !says_total ? "_total" : "") +
         (is_percent ? "_percent" : "");
}

/// Confluent's rules leave the attributes of this bean under a type of their own, and show one
/// gauge, a meter in Kafka, by its rate.
std::string confluent_name(const Metric& metric) {
  const bool is_socket_server = metric.type == kSocketServer;
  return joined(metric.domain, is_socket_server ? "socketservermetrics" : metric.type,
                metric.name) +
         (metric.name == "RequestHandlerAvgIdlePercent" ? "_oneminuterate" : "");
}

std::string snake_case(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !result.empty()) result += '_';
    result += lower(c);
  }
  return result;
}

}  // namespace

std::string prometheus_name(const Metric& metric, Dialect dialect) {
  const bool is_own = metric.domain == "ottla";
  return dialect == Dialect::Confluent && !is_own ? confluent_name(metric) : exporter_name(metric);
}

std::string label_name(const Metric& metric, std::size_t label, Dialect dialect) {
  std::string name(metric.labels.at(label));
  std::ranges::replace(name, '-', '_');
  if (dialect == Dialect::JmxExporter) return name;
  if (metric.type == kSocketServer) return snake_case(name);
  if (metric.name == "DeprecatedRequestsPerSec") {
    return label < 2 ? "api_" + (label == 0 ? std::string("name") : name) : snake_case(name);
  }
  std::ranges::transform(name, name.begin(), lower);
  return name;
}

}  // namespace ottla::metrics
