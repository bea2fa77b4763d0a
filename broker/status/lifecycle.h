#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "common/metrics/registry.h"
#include "common/metrics/server_metrics.h"

namespace ottla::status {

/// What the process is at; numbered as Kafka's BrokerState.
enum class BrokerState : std::uint8_t {
  NotRunning = 0,
  Starting = 1,
  Recovering = 2,
  Running = 3,
  HandingOver = 6,
  ShuttingDown = 7,
};

[[nodiscard]] constexpr std::string_view name_of(BrokerState state) {
  switch (state) {
    case BrokerState::NotRunning:
      return "not running";
    case BrokerState::Starting:
      return "starting";
    case BrokerState::Recovering:
      return "loading logs";
    case BrokerState::Running:
      return "running";
    case BrokerState::HandingOver:
      return "handing leadership over";
    case BrokerState::ShuttingDown:
      return "shutting down";
  }
  return "";
}

/// Thread: any.
class Lifecycle {
 public:
  explicit Lifecycle(metrics::Registry& registry)
      : gauge_(registry.gauge(metrics::kBrokerState,
                              [this] { return static_cast<double>(state_.load()); })) {}

  void enter(BrokerState state) { state_ = state; }
  [[nodiscard]] BrokerState state() const { return state_; }

 private:
  std::atomic<BrokerState> state_ = BrokerState::NotRunning;
  const metrics::Registry::Registration gauge_;
};

}  // namespace ottla::status
