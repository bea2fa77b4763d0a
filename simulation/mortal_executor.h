#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "common/env/executor.h"
#include "common/testing/simulated_world.h"

namespace ottla::simulation {

/// An executor of a simulated process. When the process dies its tasks are dropped, and what still
/// refers to the executor (a callback on its way) may post: nothing happens.
class MortalExecutor final : public env::Executor {
 public:
  MortalExecutor(testing::SimulatedWorld& world, testing::SimulatedWorld::ProcessId process)
      : world_(world), inner_(world.make_executor(process)) {}

  void post(Task task) override {
    if (!inner_) return;
    if (is_stalled_) return held_.push_back(std::move(task));
    if (longest_delay_ == env::Duration::zero()) return inner_->post(std::move(task));
    const env::Duration delay(
        world_.random().below(static_cast<std::uint64_t>(longest_delay_.count())));
    const std::uint64_t number = ++last_delayed_;
    delayed_[number] = inner_->post_after(delay, [this, number, task = std::move(task)]() mutable {
      const auto timer = delayed_.extract(number);
      std::move(task)();
    });
  }
  env::TimerHandle post_after(env::Duration delay, Task task) override {
    return inner_ ? inner_->post_after(delay, std::move(task)) : nullptr;
  }
  void die() {
    const auto dying = std::move(inner_);
    const auto delayed = std::move(delayed_);
    const auto held = std::move(held_);
  }
  /// Tasks wait up to this long and overtake each other, as those of a pool on a slow disk do.
  void slow_down(env::Duration longest) { longest_delay_ = longest; }
  /// What is posted from now on waits, as on a disk that does not answer, until it does again.
  void stall(bool stalled) {
    is_stalled_ = stalled;
    if (stalled) return;
    for (Task& task : std::exchange(held_, {})) post(std::move(task));
  }

 private:
  testing::SimulatedWorld& world_;
  std::unique_ptr<env::Executor> inner_;
  env::Duration longest_delay_{};
  bool is_stalled_ = false;
  std::deque<Task> held_;
  std::uint64_t last_delayed_ = 0;
  std::map<std::uint64_t, env::TimerHandle> delayed_;
};

}  // namespace ottla::simulation
