#include "common/metrics/reference.h"

#include <string_view>

#include "common/metrics/tables.h"

namespace ottla::metrics {
namespace {

std::string bean_of(const Metric& metric) {
  std::string bean = std::string(metric.domain) + ":type=" + std::string(metric.type) +
                     ",name=" + std::string(metric.name);
  for (const auto label : metric.labels) {
    if (!label.empty()) bean += "," + std::string(label) + "=..";
  }
  return bean;
}

}  // namespace

std::string reference() {
  std::string page =
      "# Metrics\n\n"
      "Made from the tables in common/metrics by `ottla_metrics_doc`; a test compares. Each has "
      "the "
      "name that Prometheus' JMX\nexporter gives to Kafka's MBean under its usual rules, so that "
      "dashboards and alerts carry over; with `?dialect=B` it "
      "stands under the name that Confluent's rules give it. What begins with\n`ottla_` is Ottla's "
      "own.\n\n"
      "A counter with the label `topic` also stands there without it, as the sum over all topics. "
      "A "
      "summary has quantiles of the last\none to two minutes, and `_sum` and `_count` since the "
      "start.\n\n"
      "| Prometheus | kind | Kafka's MBean | meaning |\n"
      "| --- | --- | --- | --- |\n";
  for (const Metric* metric : all_metrics()) {
    page += "| `" + prometheus_name(*metric) + "` | " + std::string(prometheus_type(metric->kind)) +
            " | `" + bean_of(*metric) + "` | " + std::string(metric->doc) + " |\n";
  }
  return page;
}

}  // namespace ottla::metrics
