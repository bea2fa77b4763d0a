#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/metrics/registry.h"

namespace ottla::status {

/// Tells of threads that stand still (W15): to each executor a probe is posted now and then; one
/// that does not run it within its bound is named in the log with the time it has stood, again when
/// it is back, and among the metrics meanwhile. Costs one task per executor and interval, nothing
/// per request.
///
/// Time in which the watchdog did not run itself (SIGSTOP, a sleeping machine) is no stall: all
/// threads stood then, and none of them is to blame.
///
/// Thread: `own`, which none of the watched may be. Destroyed when `own` runs nothing any more;
/// the watched may end before or after.
class StallWatchdog {
 public:
  struct Watched {
    std::string thread;  ///< As ps and docs/threading.md name it.
    env::Executor* executor = nullptr;
    env::Duration bound = std::chrono::seconds(5);
  };

  /// `looked`, if there is one, is called after each look, on `own`.
  StallWatchdog(std::vector<Watched> watched, const env::Clock& clock, env::Executor& own,
                metrics::Registry& registry, std::function<void()> looked = nullptr,
                env::Duration interval = std::chrono::seconds(1));
  ~StallWatchdog();
  StallWatchdog(const StallWatchdog&) = delete;
  StallWatchdog& operator=(const StallWatchdog&) = delete;

  /// Call once, on `own` or before it runs anything of this.
  void start();

  /// One more, from the next look on. Thread: any.
  void watch(Watched watched) OTTLA_EXCLUDES(mutex_);

  /// Threads that have stood for as long, and beyond their bound, as of the last look. Thread: any.
  [[nodiscard]] std::vector<std::string> standing_for(env::Duration least) const
      OTTLA_EXCLUDES(mutex_);

 private:
  struct Probe;

  void look();
  void look_at(Probe& probe, env::Duration passed);

  [[nodiscard]] std::vector<std::shared_ptr<Probe>> probes() const OTTLA_EXCLUDES(mutex_);

  const env::Clock& clock_;
  env::Executor& own_;
  metrics::Registry& registry_;
  const std::function<void()> looked_;
  const env::Duration interval_;
  mutable Mutex mutex_{LockRank::Leaf};
  std::vector<std::shared_ptr<Probe>> probes_ OTTLA_GUARDED_BY(mutex_);
  env::MonotonicTime last_look_;
  env::TimerHandle timer_;
  metrics::Registry::Registration gauge_;  ///< Ends first: it looks at the probes.
};

}  // namespace ottla::status
