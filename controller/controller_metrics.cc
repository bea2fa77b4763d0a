#include "controller/controller_metrics.h"

#include <chrono>
#include <string>

#include "common/metrics/controller_metrics.h"

namespace ottla::controller {
namespace {

/// Kafka's number of what its controller does when it has just been elected.
constexpr double kControllerChange = 1;

/// In the order of TimedWork.
constexpr std::array<const metrics::Metric*, kTimedWorkKinds> kTimed = {
    &metrics::kAutoLeaderBalanceMs,
    &metrics::kManualLeaderBalanceMs,
    &metrics::kPartitionReassignmentMs,
    &metrics::kListPartitionReassignmentMs,
    &metrics::kLogDirChangeMs,
    &metrics::kUncleanElectionEnableMs,
    &metrics::kTopicUncleanElectionEnableMs,
    &metrics::kLeaderAndIsrResponseMs,
    &metrics::kControllerShutdownMs,
};

}  // namespace

ControllerMetrics::ControllerMetrics(metrics::Registry& registry)
    : registry_(registry),
      wait_(registry.histogram(metrics::kControllerEventQueueTimeMs)),
      office_(registry.histogram(metrics::kControllerChangeMs)),
      election_(registry.histogram(metrics::kLeaderElectionMs)),
      unclean_(registry.counter(metrics::kUncleanLeaderElections)),
      isr_(registry.histogram(metrics::kIsrChangeMs)),
      creation_(registry.histogram(metrics::kTopicChangeMs)),
      deletion_(registry.histogram(metrics::kTopicDeletionMs)),
      shutdown_(registry.histogram(metrics::kControlledShutdownMs)) {
  gauges_.push_back(registry.gauge(metrics::kControllerEventQueueSize,
                                   [this] { return static_cast<double>(waiting_.load()); }));
  for (std::size_t kind = 0; kind < kTimedWorkKinds; ++kind) {
    timed_.at(kind) = registry.histogram(*kTimed.at(kind));
  }
  show_queues(registry);
  gauges_.push_back(registry.gauge(metrics::kControllerState,
                                   [this] { return taking_office_ ? kControllerChange : 0.0; }));
}

void ControllerMetrics::show_queues(metrics::Registry& registry) {
  gauges_.push_back(registry.gauge(metrics::kControllerQueueSize, [this] {
    const MutexLock lock(mutex_);
    std::size_t total = 0;
    for (const auto& [broker, size] : queues_) total += size;
    return static_cast<double>(total);
  }));
  gauges_.push_back(
      registry.gauges(metrics::kControllerBrokerQueueSize, [this](metrics::GaugeSink& sink) {
        const MutexLock lock(mutex_);
        for (const auto& [broker, size] : queues_) {
          sink.add({std::to_string(broker.value())}, static_cast<double>(size));
        }
      }));
}

void ControllerMetrics::set_commands(const Queues& queues) {
  const MutexLock lock(mutex_);
  queues_ = queues;
  std::erase_if(waits_, [&](const auto& each) { return !queues.contains(each.first); });
}

void ControllerMetrics::sent(BrokerId broker, env::Duration waited) {
  std::shared_ptr<metrics::Histogram> wait;
  {
    const MutexLock lock(mutex_);
    auto& known = waits_[broker];
    if (!known) {
      known =
          registry_.histogram(metrics::kControllerRequestQueueMs, {std::to_string(broker.value())});
    }
    wait = known;
  }
  record(*wait, waited);
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
