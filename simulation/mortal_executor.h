#pragma once

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
      : inner_(world.make_executor(process)) {}

  void post(Task task) override {
    if (inner_) inner_->post(std::move(task));
  }
  env::TimerHandle post_after(env::Duration delay, Task task) override {
    return inner_ ? inner_->post_after(delay, std::move(task)) : nullptr;
  }
  void die() { const auto dying = std::move(inner_); }

 private:
  std::unique_ptr<env::Executor> inner_;
};

}  // namespace ottla::simulation
