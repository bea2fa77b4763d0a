#pragma once

#include <cstddef>
#include <memory>

#include "common/env/executor.h"

namespace ottla::env {

/// A pool like ThreadPool whose number of threads changes while it runs (`num.io.threads`).
class ResizablePool final : public Executor {
 public:
  ResizablePool(const char* name, std::size_t threads);
  ~ResizablePool() override;

  void post(Task task) override;
  TimerHandle post_after(Duration delay, Task task) override;
  /// At least one. New threads begin at once; those that are too many end when they have done what
  /// they are at. Nothing after `stop`.
  void resize(std::size_t threads);
  /// Runs what is queued, drops timers, joins the threads.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ottla::env
