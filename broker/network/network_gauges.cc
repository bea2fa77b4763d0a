#include "broker/network/network_gauges.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "common/metrics/network_metrics.h"

namespace ottla::network {
namespace {

double in_seconds(env::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

double NetworkGauges::seconds() const {
  return in_seconds(clock_.now().time_since_epoch());
}

std::vector<double> NetworkGauges::idle(std::vector<metrics::Rate>& rates) const {
  const std::vector<env::Duration> times = network_.loop_times();
  rates.resize(times.size());
  std::vector<double> idle;
  for (std::size_t i = 0; i < times.size(); ++i) {
    idle.push_back(1 - std::clamp(rates[i].of(in_seconds(times[i]), seconds()), 0.0, 1.0));
  }
  return idle;
}

NetworkGauges::NetworkGauges(const Network& network, const env::ResizablePool& io_pool,
                             const env::Clock& clock, metrics::Registry& registry)
    : network_(network), io_pool_(io_pool), clock_(clock) {
  const auto count = [&](const metrics::Metric& metric, std::int64_t NetworkCounts::* number) {
    gauges_.push_back(registry.gauge(
        metric, [this, number] { return static_cast<double>(network_.counts().*number); }));
  };
  count(metrics::kExpiredConnectionsKilled, &NetworkCounts::expired_connections);
  count(metrics::kResponseQueueSize, &NetworkCounts::unsent_answers);

  const auto by_listener = [&](const metrics::Metric& metric, auto value) {
    gauges_.push_back(registry.gauges(metric, [this, value](metrics::GaugeSink& sink) {
      for (const auto& [listener, counts] : network_.listener_counts()) {
        sink.add({listener}, value(listener, counts));
      }
    }));
  };
  by_listener(metrics::kConnectionCount, [](const std::string&, const ListenerCounts& it) {
    return static_cast<double>(it.accepted - it.closed);
  });
  by_listener(metrics::kConnectionCreations, [](const std::string&, const ListenerCounts& it) {
    return static_cast<double>(it.accepted);
  });
  by_listener(metrics::kConnectionCloses, [](const std::string&, const ListenerCounts& it) {
    return static_cast<double>(it.closed);
  });
  by_listener(metrics::kConnectionCreationRate,
              [this](const std::string& listener, const ListenerCounts& it) {
                return creations_[listener].of(static_cast<double>(it.accepted), seconds());
              });
  by_listener(metrics::kConnectionCloseRate,
              [this](const std::string& listener, const ListenerCounts& it) {
                return closes_[listener].of(static_cast<double>(it.closed), seconds());
              });
  by_listener(metrics::kAcceptorBlockedPercent,
              [this](const std::string& listener, const ListenerCounts& it) {
                return std::min(1.0, blocked_[listener].of(in_seconds(it.blocked), seconds()));
              });

  gauges_.push_back(registry.gauge(metrics::kNetworkIdlePercent, [this] {
    const std::vector<double> each = idle(busy_of_loops_);
    if (each.empty()) return 1.0;
    return std::accumulate(each.begin(), each.end(), 0.0) / static_cast<double>(each.size());
  }));
  gauges_.push_back(
      registry.gauges(metrics::kProcessorIdlePercent, [this](metrics::GaugeSink& sink) {
        const std::vector<double> each = idle(busy_of_each_loop_);
        for (std::size_t i = 0; i < each.size(); ++i) sink.add({std::to_string(i)}, each[i]);
      }));
  gauges_.push_back(registry.gauge(metrics::kRequestHandlerIdlePercent, [this] {
    const env::PoolLoad load = io_pool_.load();
    const double threads = static_cast<double>(std::max<std::size_t>(load.threads, 1));
    return 1 - std::clamp(busy_of_pool_.of(in_seconds(load.busy), seconds()) / threads, 0.0, 1.0);
  }));
  gauges_.push_back(registry.gauge(
      metrics::kRequestQueueSize, [this] { return static_cast<double>(io_pool_.load().waiting); }));
}

}  // namespace ottla::network
