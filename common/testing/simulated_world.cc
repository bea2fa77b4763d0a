#include "common/testing/simulated_world.h"

#include <algorithm>

namespace ottla::testing {
namespace {

/// Tasks posted now by different executors overtake each other within this much simulated time.
constexpr std::uint64_t kSchedulingJitterNs = 2'000;

}  // namespace

class SimulatedExecutor final : public env::Executor {
 public:
  SimulatedExecutor(std::weak_ptr<SimulatedWorld*> world, std::uint64_t id)
      : world_(std::move(world)), id_(id) {}
  ~SimulatedExecutor() override {
    if (const auto world = world_.lock()) (*world)->drop_executor(id_);
  }

  void post(Task task) override {
    const auto world = world_.lock();
    if (!world) return;
    SimulatedWorld& w = **world;
    // In order within the executor: never before the last one posted.
    const env::Duration jitter(w.random_.below(kSchedulingJitterNs));
    auto& last = w.last_of_executor_[id_];
    const env::MonotonicTime at = std::max(w.now_ + jitter, last.first);
    last = w.add(id_, at, std::move(task));
  }

  env::TimerHandle post_after(env::Duration delay, Task task) override {
    class SimulatedTimer final : public env::Timer {
     public:
      SimulatedTimer(std::weak_ptr<SimulatedWorld*> world, SimulatedWorld::Key key)
          : world_(std::move(world)), key_(key) {}
      ~SimulatedTimer() override { cancel(); }
      void cancel() override {
        if (const auto world = world_.lock()) (*world)->queue_.erase(key_);
      }

     private:
      std::weak_ptr<SimulatedWorld*> world_;
      SimulatedWorld::Key key_;
    };
    const auto world = world_.lock();
    if (!world) return nullptr;
    SimulatedWorld& w = **world;
    return std::make_unique<SimulatedTimer>(world_, w.add(id_, w.now_ + delay, std::move(task)));
  }

 private:
  std::weak_ptr<SimulatedWorld*> world_;
  std::uint64_t id_;
};

std::unique_ptr<env::Executor> SimulatedWorld::make_executor() {
  return std::make_unique<SimulatedExecutor>(self_, ++last_executor_);
}

SimulatedWorld::Key SimulatedWorld::add(std::uint64_t executor, env::MonotonicTime at, Task task) {
  const Key key{at, ++last_entry_};
  queue_.emplace(key, Entry{executor, std::move(task)});
  return key;
}

void SimulatedWorld::drop_executor(std::uint64_t executor) {
  // Dropped tasks may own objects whose destructors touch the queue: take them out first.
  std::vector<Task> dropped;
  for (auto entry = queue_.begin(); entry != queue_.end();) {
    if (entry->second.executor == executor) {
      dropped.push_back(std::move(entry->second.task));
      entry = queue_.erase(entry);
    } else {
      ++entry;
    }
  }
  last_of_executor_.erase(executor);
}

bool SimulatedWorld::step() {
  if (queue_.empty()) return false;
  auto first = queue_.extract(queue_.begin());
  now_ = std::max(now_, first.key().first);
  std::move(first.mapped().task)();
  return true;
}

void SimulatedWorld::run_until(env::MonotonicTime end) {
  while (next_time() <= end) step();
  now_ = std::max(now_, end);
}

}  // namespace ottla::testing
