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

std::int64_t in_us(env::Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

}  // namespace

RequestTiming::RequestTiming(std::shared_ptr<const RequestMetrics> metrics, protocol::ApiKey api,
                             env::MonotonicTime received)
    : metrics_(std::move(metrics)),
      api_(api),
      received_(received),
      begun_(metrics_->clock_.now()) {}

RequestTiming::~RequestTiming() {
  if (!recorded_) record(metrics_->clock_.now());
}

void RequestTiming::handled() {
  if (!recorded_) handled_ = metrics_->clock_.now();
}

void RequestTiming::answered() {
  answered_ = metrics_->clock_.now();
}

void RequestTiming::told(const std::vector<ErrorCode>& errors) {
  for (const ErrorCode error : errors) {
    if (error != ErrorCode::None) {
      metrics_->count_error(api_, error);
    } else {
      for (const auto& series : metrics_->series_.at(api_)) series.successes->add();
    }
  }
}

void RequestTiming::converted(env::Duration took, std::size_t memory) {
  metrics_->converted(api_, took, memory);
}

void RequestTiming::in_turn() {
  in_turn_ = metrics_->clock_.now();
}

void RequestTiming::sent() {
  if (!recorded_) record(metrics_->clock_.now());
}

/// What did not happen took no time.
void RequestTiming::record(env::MonotonicTime end) {
  recorded_ = true;
  constexpr env::MonotonicTime kNever{};
  const env::MonotonicTime answered = answered_ == kNever ? end : answered_;
  const env::MonotonicTime in_turn = in_turn_ == kNever ? answered : in_turn_;
  // Answered inside the handler: all of it was work here.
  const env::MonotonicTime handled =
      handled_ == kNever || handled_ > answered ? answered : handled_;
  const env::MonotonicTime received = received_ == kNever ? begun_ : received_;
  const RequestTimes times{.queue = begun_ - received,
                           .local = handled - begun_,
                           .remote = answered - handled,
                           .response_queue = in_turn - answered,
                           .send = end - in_turn,
                           .total = end - received};
  for (const RequestMetrics::Series& series : metrics_->series_.at(api_)) {
    series.queue->record(in_us(times.queue));
    series.local->record(in_us(times.local));
    series.remote->record(in_us(times.remote));
    series.throttled->record(0);  // There are no quotas that hold a client's answers back yet.
    series.response_queue->record(in_us(times.response_queue));
    series.send->record(in_us(times.send));
    series.total->record(in_us(times.total));
  }
  if (log_entry_) log_entry_->end(times);
}

RequestMetrics::RequestMetrics(metrics::Registry& registry, const env::Clock& clock)
    : registry_(registry), clock_(clock) {
  for (const ServedApi& api : served_apis()) {
    for (const std::string& name : names_of(api.key)) {
      series_[api.key].push_back(make(api.key, api.versions.last, name));
    }
    if (api.key == protocol::ApiKey::Fetch) {
      of_followers_ = make(api.key, api.versions.last, "FetchFollower");
    }
  }
}

RequestMetrics::Series RequestMetrics::make(protocol::ApiKey api, int last_version,
                                            const std::string& name) {
  Series series;
  for (int version = 0; version <= last_version; ++version) {
    series.by_version.push_back(
        registry_.counter(metrics::kRequests, {name, std::to_string(version)}));
  }
  series.successes = registry_.counter(metrics::kRequestErrors, {name, "NONE"});
  series.bytes = registry_.histogram(metrics::kRequestBytes, {name});
  series.queue = registry_.histogram(metrics::kRequestQueueTimeMs, {name});
  series.local = registry_.histogram(metrics::kLocalTimeMs, {name});
  series.remote = registry_.histogram(metrics::kRemoteTimeMs, {name});
  series.throttled = registry_.histogram(metrics::kThrottleTimeMs, {name});
  series.response_queue = registry_.histogram(metrics::kResponseQueueTimeMs, {name});
  series.send = registry_.histogram(metrics::kResponseSendTimeMs, {name});
  series.total = registry_.histogram(metrics::kTotalTimeMs, {name});
  registry_.share(metrics::kRequestDuration, {name}, series.total);
  if (api == protocol::ApiKey::Produce || api == protocol::ApiKey::Fetch) {
    series.conversion = registry_.histogram(metrics::kMessageConversionsTimeMs, {name});
    series.memory = registry_.histogram(metrics::kTemporaryMemoryBytes, {name});
  }
  return series;
}

std::shared_ptr<RequestTiming> RequestMetrics::begin(protocol::ApiKey api,
                                                     protocol::ApiVersion version,
                                                     std::size_t bytes,
                                                     env::MonotonicTime received) const {
  for (const Series& series : series_.at(api)) {
    series.by_version[static_cast<std::size_t>(version.value())]->add();
    series.bytes->record(static_cast<std::int64_t>(bytes));
  }
  return std::make_shared<RequestTiming>(shared_from_this(), api, received);
}

void RequestMetrics::converted(protocol::ApiKey api, env::Duration took, std::size_t memory) const {
  for (const Series& series : series_.at(api)) {
    if (!series.conversion) continue;
    series.conversion->record(in_us(took));
    series.memory->record(static_cast<std::int64_t>(memory));
  }
}

/// The first of its kind makes the series.
void RequestMetrics::count_error(protocol::ApiKey api, ErrorCode error) const {
  const MutexLock lock(mutex_);
  auto& counters = errors_[{api, error}];
  if (counters.empty()) {
    for (const std::string& name : names_of(api)) {
      counters.push_back(
          registry_.counter(metrics::kRequestErrors, {name, std::string(name_of(error))}));
    }
  }
  for (const auto& counter : counters) counter->add();
}

}  // namespace ottla::api
