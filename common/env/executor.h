#pragma once

#include <memory>

#include "common/base/task.h"
#include "common/env/clock.h"

namespace ottla::env {

/// A timer that runs its task unless it is cancelled first. Destroying the handle cancels.
/// After `cancel` returns on the executor's own thread the task does not run any more; from
/// another thread it may be running at that moment.
class Timer {
 public:
  virtual ~Timer() = default;
  virtual void cancel() = 0;
};
using TimerHandle = std::unique_ptr<Timer>;

/// Runs tasks: an event loop (one thread, in order) or a pool (many, no order). In a simulation
/// all executors are run by one thread from the seed.
/// Thread: any.
class Executor {
 public:
  virtual ~Executor() = default;

  /// Runs `task` later, never inside this call. After `stop` of the owner tasks are dropped.
  virtual void post(Task task) = 0;
  /// Runs `task` once `delay` has passed. The handle must not outlive the executor.
  [[nodiscard]] virtual TimerHandle post_after(Duration delay, Task task) = 0;
};

/// Executors own their threads, so a broker's parts ask for executors and never start a thread.
/// An event loop: one thread, tasks in order.
class EventLoop final : public Executor {
 public:
  /// Starts the thread; `name` (at most 15 characters) is shown by ps and in core dumps.
  explicit EventLoop(const char* name);
  /// Stops, as `stop` does.
  ~EventLoop() override;

  void post(Task task) override;
  TimerHandle post_after(Duration delay, Task task) override;

  /// Finishes the task that runs, drops the others, joins the thread. Not from the loop itself.
  void stop();
  [[nodiscard]] bool is_current() const;
  /// Processor time of its thread; zero after `stop`. Thread: any but the one that stops it.
  [[nodiscard]] Duration cpu_time() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// A pool for work that may block (`num.io.threads`). The queue is bounded by its callers: each
/// has at most one task per connection, partition or segment under way.
class ThreadPool final : public Executor {
 public:
  ThreadPool(const char* name, std::size_t threads);
  ~ThreadPool() override;

  void post(Task task) override;
  TimerHandle post_after(Duration delay, Task task) override;
  /// Runs what is queued, drops timers, joins the threads.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ottla::env
