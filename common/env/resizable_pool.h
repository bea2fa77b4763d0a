#pragma once

#include <cstddef>
#include <memory>

#include "common/env/executor.h"

namespace ottla::env {

struct PoolLoad {
  Duration busy{};          ///< Time in tasks since the start, summed over the threads.
  std::size_t waiting = 0;  ///< Tasks that no thread has taken up yet.
  std::size_t threads = 0;
};

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
  [[nodiscard]] PoolLoad load() const;
  /// Runs what is queued, drops timers, joins the threads.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ottla::env
