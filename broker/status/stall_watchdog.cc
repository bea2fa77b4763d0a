#include "broker/status/stall_watchdog.h"

#include <glog/logging.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "common/metrics/server_metrics.h"

namespace ottla::status {

using std::chrono::milliseconds;

/// One executor, and the probe that is under way there.
struct StallWatchdog::Probe {
  Watched of;
  std::shared_ptr<metrics::Counter> stalls;
  /// Shared with the probe's task, which may run when the watchdog is gone. Null: none is under
  /// way.
  std::shared_ptr<std::atomic<bool>> answered;
  env::Duration waited{};  ///< For the probe under way.
  bool told = false;
  std::atomic<std::int64_t> shown_ms = 0;  ///< For how long it stands; 0 within the bound.
};

namespace {

std::int64_t whole_ms(env::Duration duration) {
  return std::chrono::duration_cast<milliseconds>(duration).count();
}

}  // namespace

StallWatchdog::StallWatchdog(std::vector<Watched> watched, const env::Clock& clock,
                             env::Executor& own, metrics::Registry& registry,
                             std::function<void()> looked, env::Duration interval)
    : clock_(clock),
      own_(own),
      registry_(registry),
      looked_(std::move(looked)),
      interval_(interval) {
  for (Watched& each : watched) watch(std::move(each));
  gauge_ = registry.gauges(metrics::kThreadStalledMs, [this](metrics::GaugeSink& sink) {
    for (const auto& probe : probes()) {
      sink.add({probe->of.thread}, static_cast<double>(probe->shown_ms.load()));
    }
  });
}

StallWatchdog::~StallWatchdog() = default;

void StallWatchdog::watch(Watched watched) {
  auto probe = std::make_shared<Probe>();
  probe->stalls = registry_.counter(metrics::kThreadStalls, {watched.thread});
  probe->of = std::move(watched);
  MutexLock lock(mutex_);
  probes_.push_back(std::move(probe));
}

std::vector<std::shared_ptr<StallWatchdog::Probe>> StallWatchdog::probes() const {
  MutexLock lock(mutex_);
  return probes_;
}

void StallWatchdog::start() {
  last_look_ = clock_.now();
  timer_ = own_.post_after(interval_, [this] { look(); });
}

std::vector<std::string> StallWatchdog::standing_for(env::Duration least) const {
  std::vector<std::string> threads;
  for (const auto& probe : probes()) {
    if (probe->shown_ms > 0 && probe->shown_ms >= whole_ms(least)) {
      threads.push_back(probe->of.thread);
    }
  }
  return threads;
}

void StallWatchdog::look() {
  const env::MonotonicTime now = clock_.now();
  // What is longer than two intervals is the watchdog's own pause.
  const env::Duration passed = std::min<env::Duration>(now - last_look_, 2 * interval_);
  last_look_ = now;
  for (const auto& probe : probes()) look_at(*probe, passed);
  if (looked_) looked_();
  timer_ = own_.post_after(interval_, [this] { look(); });
}

void StallWatchdog::look_at(Probe& probe, env::Duration passed) {
  if (probe.answered && !probe.answered->load()) {
    probe.waited += passed;
    if (probe.waited <= probe.of.bound) return;
    probe.shown_ms = whole_ms(probe.waited);
    if (std::exchange(probe.told, true)) return;
    probe.stalls->add();
    LOG(WARNING) << "[thread " << probe.of.thread
                 << "] stands still: nothing new has run there for " << whole_ms(probe.waited)
                 << " ms";
    return;
  }
  if (std::exchange(probe.told, false)) {
    LOG(WARNING) << "[thread " << probe.of.thread << "] runs again, after "
                 << whole_ms(probe.waited + passed) << " ms";
  }
  probe.shown_ms = 0;
  probe.waited = {};
  probe.answered = std::make_shared<std::atomic<bool>>(false);
  probe.of.executor->post([answered = probe.answered] { *answered = true; });
}

}  // namespace ottla::status
