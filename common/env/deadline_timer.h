#pragma once

#include <optional>

#include "common/base/task.h"
#include "common/env/clock.h"
#include "common/env/executor.h"

namespace ottla::env {

/// One timer for a model that says when it wants to be called next: it fires at the earliest
/// moment it was armed for. Thread: the executor's, which has one.
class DeadlineTimer {
 public:
  DeadlineTimer(Clock& clock, Executor& loop) : clock_(clock), loop_(loop) {}

  /// `on_due` runs at `deadline`, unless the timer is armed for an earlier moment: then that one's
  /// task runs, and may arm it again. It keeps this timer alive as long as it is held.
  void arm(std::optional<MonotonicTime> deadline, Task on_due);
  void cancel() { timer_.reset(); }

 private:
  Clock& clock_;
  Executor& loop_;
  TimerHandle timer_;
  MonotonicTime due_;  ///< Of `timer_`, if there is one.
};

}  // namespace ottla::env
