#include "broker/status/pages.h"

#include <algorithm>
#include <utility>

#include "broker/metadata/metadata_cache.h"
#include "broker/status/documents.h"
#include "broker/status/process_metrics.h"
#include "broker/status/readiness.h"
#include "broker/status/recovery.h"
#include "common/metrics/ottla_metrics.h"
#include "common/metrics/replica_metrics.h"
#include "common/metrics/server_metrics.h"

namespace ottla::status {
namespace {

using http::Response;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kPrometheus = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kHtml = "text/html; charset=utf-8";

constexpr const char* kMetrics = "metrics";
constexpr const char* kMetricsOfConfluent = "metrics of confluent";
constexpr const char* kStatus = "status";

/// A document is kept for so many times of what it cost, within bounds: whoever asks again and
/// again costs a tenth of the thread at most, and nobody sees what is long past.
constexpr int kKeptTimesCost = 10;
constexpr env::Duration kKeptAtMost = std::chrono::seconds(5);
/// An event loop that ran nothing for so long is not only busy.
constexpr env::Duration kStandsStill = std::chrono::seconds(30);
/// Its threads may wait for a disk; a restart would wait for the same.
constexpr std::string_view kPool = "io";
/// Of the parts that are asked; then the document says what they said before.
constexpr std::chrono::milliseconds kAnswerWithin{1000};

Response json(unsigned status, std::string body) {
  Response response = Response::text(status, std::move(body), std::string(kJson));
  // The page of one broker asks the others too. Nothing here can be changed, and nobody is
  // authenticated: whoever reaches the port may read.
  response.headers["Access-Control-Allow-Origin"] = "*";
  response.headers["Cache-Control"] = "no-store";
  return response;
}

std::chrono::steady_clock::time_point steady(env::MonotonicTime time) {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(time.time_since_epoch()));
}

Response not_found() {
  return Response::text(404,
                        "There are /, /metrics, /health/live, /health/ready, /status.json, "
                        "/topic.json?name=TOPIC and /configs.json\n",
                        "text/plain; charset=utf-8");
}

}  // namespace

struct Pages::Parts {
  std::shared_ptr<const Sources> sources;
  const Elections& elections;
  const StallWatchdog& watchdog;
};

Pages::Pages(metrics::Registry& registry, const env::Clock& clock, const Lifecycle& lifecycle)
    : registry_(registry), clock_(clock), lifecycle_(lifecycle) {
  gauges_.push_back(registry.gauge(metrics::kReady, [this] {
    const auto all = parts();
    return all && why_not_ready(gather_readiness(*all->sources, lifecycle_.state())).empty() ? 1.0
                                                                                             : 0.0;
  }));
  gauges_.push_back(registry.gauge(metrics::kLinuxDiskReadBytes, [] { return disk_bytes().read; }));
  gauges_.push_back(
      registry.gauge(metrics::kLinuxDiskWriteBytes, [] { return disk_bytes().written; }));
  show_identity();
  gauges_.push_back(registry.gauges(metrics::kReassigningPartitions, [this](auto& sink) {
    if (const auto all = parts()) sink.add({}, led_and_reassigning(*all->sources));
  }));
}

Pages::~Pages() = default;

/// Once it is known who this is.
void Pages::show_identity() {
  const auto show = [&](const metrics::Metric& metric, auto add) {
    gauges_.push_back(registry_.gauges(metric, [this, add](metrics::GaugeSink& sink) {
      if (const auto all = parts()) add(sink, *all->sources);
    }));
  };
  show(metrics::kAppStartTimeMs,
       [began = clock_.wall_now_ms()](metrics::GaugeSink& sink, const Sources& sources) {
         sink.add({std::to_string(sources.broker.value())}, static_cast<double>(began));
       });
  show(metrics::kAppVersion, [](metrics::GaugeSink& sink, const Sources& sources) {
    sink.add({std::to_string(sources.broker.value()), OTTLA_VERSION}, 1);
  });
  show(metrics::kCurrentControllerId, [](metrics::GaugeSink& sink, const Sources& sources) {
    sink.add({}, sources.metadata.image()->controller().value());
  });
}

void Pages::attach(std::shared_ptr<const Sources> sources, const Elections& elections,
                   const StallWatchdog& watchdog) {
  parts_ = std::make_shared<const Parts>(Parts{std::move(sources), elections, watchdog});
}

std::shared_ptr<const Pages::Parts> Pages::parts() const {
  return parts_.load();
}

std::vector<storage::LoadProgress> Pages::loading() const {
  const storage::LogStore* const logs = logs_;
  return logs == nullptr ? std::vector<storage::LoadProgress>() : logs->loading();
}

void Pages::handle(http::Request request, Callback<Response> done) {
  answer(request, [this, done = std::move(done)](Response response) mutable {
    auto& counter = answers_[response.status];
    if (!counter) {
      counter = registry_.counter(metrics::kHttpRequests, {std::to_string(response.status)});
    }
    counter->add();
    std::move(done)(std::move(response));
  });
}

void Pages::answer(const http::Request& request, Callback<Response> done) {
  const std::string& path = request.path;
  if (path == "/metrics") {
    const auto dialect = request.query.find("dialect");
    const auto names = request.query.find("names");
    const bool is_confluent = (dialect != request.query.end() && dialect->second == "B") ||
                              (names != request.query.end() && names->second == "confluent");
    return give(is_confluent ? kMetricsOfConfluent : kMetrics, std::move(done));
  }
  if (path == "/health/live") return std::move(done)(live());
  if (path == "/health/ready") return std::move(done)(ready());
  if (path == "/" || path == "/index.html") {
    Response page = Response::text(200, std::string(page_html()), std::string(kHtml));
    page.headers["Cache-Control"] = "no-cache";
    page.headers["Content-Security-Policy"] =
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "connect-src *; img-src data:";
    return std::move(done)(std::move(page));
  }
  const auto all = parts();
  if (path == "/status.json") {
    if (all) return give(kStatus, std::move(done));
    return std::move(done)(json(503, recovery_document(lifecycle_.state(), loading())));
  }
  if (path == "/topic.json" && all) {
    const auto name = request.query.find("name");
    const auto document =
        name == request.query.end() ? std::nullopt : topic_document(*all->sources, name->second);
    return std::move(done)(document ? json(200, *document) : not_found());
  }
  if (path == "/configs.json" && all) {
    return std::move(done)(json(200, configs_document(all->sources->config)));
  }
  std::move(done)(not_found());
}

void Pages::give(const std::string& name, Callback<Response> done) {
  Kept& kept = kept_[name];
  const env::Duration age = clock_.now() - kept.made;
  if (kept.body && age < std::min<env::Duration>(kKeptTimesCost * kept.cost, kKeptAtMost)) {
    Response response = json(200, "");
    response.content_type = kept.content_type;
    response.body = kept.body;
    return std::move(done)(std::move(response));
  }
  kept.waiting.push_back(std::move(done));
  if (!std::exchange(kept.is_being_made, true)) make(name);
}

/// The other threads' parts first, if they answer in time.
void Pages::make(const std::string& name) {
  auto once = std::make_shared<bool>(false);
  const auto finish = [this, name, once] {
    if (std::exchange(*once, true)) return;
    Kept& kept = kept_[name];
    const env::MonotonicTime began = clock_.now();
    kept.body = std::make_shared<const std::string>(document(name));
    kept.content_type = name == kStatus ? kJson : kPrometheus;
    kept.made = clock_.now();
    kept.cost = kept.made - began;
    kept.is_being_made = false;
    for (auto& done : std::exchange(kept.waiting, {})) {
      Response response = json(200, "");
      response.content_type = kept.content_type;
      response.body = kept.body;
      std::move(done)(std::move(response));
    }
  };
  const auto all = parts();
  if (!all) return finish();
  snapshots_->refresh(*all->sources, [this, finish] { thread_.post(finish); });
  thread_.post_after(kAnswerWithin, finish);
}

std::string Pages::document(const std::string& name) const {
  const auto all = parts();
  if (name == kStatus) {
    return status_document(*all->sources, *snapshots_->last(), lifecycle_.state(),
                           why_not_ready(gather_readiness(*all->sources, lifecycle_.state())),
                           all->elections, clock_.wall_now_ms(), registry_);
  }
  std::string text = registry_.prometheus_text(
      steady(clock_.now()),
      name == kMetricsOfConfluent ? metrics::Dialect::Confluent : metrics::Dialect::JmxExporter);
  text += process_text();
  if (all) text += exporter_text(*all->sources, *snapshots_->last());
  return text;
}

/// Alive is a process whose event loops run: one that does not answer is better restarted.
Response Pages::live() const {
  std::vector<Reason> reasons;
  if (const auto all = parts()) {
    for (const std::string& thread : all->watchdog.standing_for(kStandsStill)) {
      if (thread == kPool) continue;
      reasons.push_back({"stalled", "the thread " + thread + " stands still"});
    }
  }
  const bool is_live = reasons.empty();
  return json(is_live ? 200 : 503, health_document("live", is_live, lifecycle_.state(), reasons));
}

Response Pages::ready() const {
  const auto all = parts();
  std::vector<Reason> reasons;
  if (all) {
    reasons = why_not_ready(gather_readiness(*all->sources, lifecycle_.state()));
  } else {
    reasons.push_back(why_starting(lifecycle_.state(), loading()));
  }
  const bool is_ready = reasons.empty();
  return json(is_ready ? 200 : 503,
              health_document("ready", is_ready, lifecycle_.state(), reasons));
}

}  // namespace ottla::status
