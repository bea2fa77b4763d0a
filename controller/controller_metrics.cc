#include "controller/controller_metrics.h"

#include <chrono>

#include "common/metrics/controller_metrics.h"

namespace ottla::controller {
namespace {

/// Kafka's number of what its controller does when it has just been elected.
constexpr double kControllerChange = 1;

}  // namespace

ControllerMetrics::ControllerMetrics(metrics::Registry& registry)
    : wait_(registry.histogram(metrics::kControllerEventQueueTimeMs)),
      office_(registry.histogram(metrics::kControllerChangeMs)),
      election_(registry.histogram(metrics::kLeaderElectionMs)),
      unclean_(registry.counter(metrics::kUncleanLeaderElections)),
      isr_(registry.histogram(metrics::kIsrChangeMs)),
      creation_(registry.histogram(metrics::kTopicChangeMs)),
      deletion_(registry.histogram(metrics::kTopicDeletionMs)),
      shutdown_(registry.histogram(metrics::kControlledShutdownMs)) {
  gauges_.push_back(registry.gauge(metrics::kControllerEventQueueSize,
                                   [this] { return static_cast<double>(waiting_.load()); }));
  gauges_.push_back(registry.gauge(metrics::kControllerQueueSize,
                                   [this] { return static_cast<double>(commands_.load()); }));
  gauges_.push_back(registry.gauge(metrics::kControllerState,
                                   [this] { return taking_office_ ? kControllerChange : 0.0; }));
}

void ControllerMetrics::record(metrics::Histogram& into, env::Duration took) {
  into.record(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

void ControllerMetrics::taken_up(env::Duration waited) {
  --waiting_;
  record(*wait_, waited);
}

void ControllerMetrics::elected(env::Duration took, bool is_unclean) {
  record(*election_, took);
  if (is_unclean) unclean_->add();
}

}  // namespace ottla::controller
