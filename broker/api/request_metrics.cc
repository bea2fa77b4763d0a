#include "broker/api/request_metrics.h"

#include <chrono>
#include <string>
#include <utility>

#include "broker/api/api_table.h"
#include "common/metrics/network_metrics.h"
#include "common/metrics/ottla_metrics.h"

namespace ottla::api {
namespace {

/// Kafka counts fetches once under their own name and once by who asks; followers do not fetch
/// here.
std::vector<std::string> names_of(protocol::ApiKey api) {
  std::vector<std::string> names = {std::string(protocol::name_of(api))};
  if (api == protocol::ApiKey::Fetch) names.emplace_back("FetchConsumer");
  return names;
}

}  // namespace

RequestTimer::RequestTimer(std::shared_ptr<const RequestMetrics> metrics, protocol::ApiKey api)
    : metrics_(std::move(metrics)), api_(api), begun_(metrics_->clock_.now()) {}

RequestTimer::~RequestTimer() {
  if (!metrics_) return;
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(metrics_->clock_.now() - begun_);
  for (const RequestMetrics::Series& series : metrics_->series_.at(api_)) {
    series.total_us->record(took.count());
  }
}

RequestMetrics::RequestMetrics(metrics::Registry& registry, const env::Clock& clock)
    : clock_(clock) {
  for (const ServedApi& api : served_apis()) {
    for (const std::string& name : names_of(api.key)) {
      Series& series = series_[api.key].emplace_back();
      for (int version = 0; version <= api.versions.last; ++version) {
        series.by_version.push_back(
            registry.counter(metrics::kRequests, {name, std::to_string(version)}));
      }
      series.bytes = registry.histogram(metrics::kRequestBytes, {name});
      series.total_us = registry.histogram(metrics::kTotalTimeMs, {name});
      registry.share(metrics::kRequestDuration, {name}, series.total_us);
    }
  }
}

RequestTimer RequestMetrics::begin(protocol::ApiKey api, protocol::ApiVersion version,
                                   std::size_t bytes) const {
  for (const Series& series : series_.at(api)) {
    series.by_version[static_cast<std::size_t>(version.value())]->add();
    series.bytes->record(static_cast<std::int64_t>(bytes));
  }
  return {shared_from_this(), api};
}

}  // namespace ottla::api
