#include "common/testing/simulated_world.h"

#include <algorithm>

namespace ottla::testing {
namespace {

/// Tasks posted now by different executors overtake each other within this much simulated time.
constexpr std::uint64_t kSchedulingJitterNs = 2'000;

}  // namespace

class SimulatedExecutor final : public env::Executor {
 public:
  SimulatedExecutor(std::weak_ptr<SimulatedWorld*> world, std::uint64_t id,
                    SimulatedWorld::ProcessId process)
      : world_(std::move(world)), id_(id), process_(process) {}
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
    last = w.add(id_, process_, at, std::move(task));
  }

  env::TimerHandle post_after(env::Duration delay, Task task) override {
    class SimulatedTimer final : public env::Timer {
     public:
      SimulatedTimer(std::weak_ptr<SimulatedWorld*> world, SimulatedWorld::Key key)
          : world_(std::move(world)), key_(key) {}
      ~SimulatedTimer() override { cancel(); }
      void cancel() override {
        if (const auto world = world_.lock()) (*world)->remove(key_);
      }

     private:
      std::weak_ptr<SimulatedWorld*> world_;
      SimulatedWorld::Key key_;
    };
    const auto world = world_.lock();
    if (!world) return nullptr;
    SimulatedWorld& w = **world;
    return std::make_unique<SimulatedTimer>(world_,
                                            w.add(id_, process_, w.now_ + delay, std::move(task)));
  }

 private:
  std::weak_ptr<SimulatedWorld*> world_;
  std::uint64_t id_;
  SimulatedWorld::ProcessId process_;
};

std::unique_ptr<env::Executor> SimulatedWorld::make_executor(ProcessId process) {
  return std::make_unique<SimulatedExecutor>(self_, ++last_executor_, process);
}

void SimulatedWorld::pause(ProcessId process) {
  paused_.insert(process);
}

void SimulatedWorld::resume(ProcessId process) {
  paused_.erase(process);
  for (auto entry = held_.begin(); entry != held_.end();) {
    auto next = std::next(entry);
    if (entry->second.process == process) queue_.insert(held_.extract(entry));
    entry = next;
  }
}

SimulatedWorld::Key SimulatedWorld::add(std::uint64_t executor, ProcessId process,
                                        env::MonotonicTime at, Task task) {
  const Key key{at, ++last_entry_};
  queue_.emplace(key, Entry{executor, process, std::move(task)});
  return key;
}

void SimulatedWorld::remove(Key key) {
  // The task may own objects whose destructors touch the queue: destroyed when it is out of it.
  const auto waiting = queue_.extract(key);
  const auto held = held_.extract(key);
}

void SimulatedWorld::drop_executor(std::uint64_t executor) {
  // As in `remove`.
  std::vector<Task> dropped;
  for (auto* entries : {&queue_, &held_}) {
    for (auto entry = entries->begin(); entry != entries->end();) {
      if (entry->second.executor == executor) {
        dropped.push_back(std::move(entry->second.task));
        entry = entries->erase(entry);
      } else {
        ++entry;
      }
    }
  }
  last_of_executor_.erase(executor);
}

bool SimulatedWorld::step() {
  if (queue_.empty()) return false;
  auto first = queue_.extract(queue_.begin());
  now_ = std::max(now_, first.key().first);
  ++steps_;
  for (const std::uint64_t part :
       {static_cast<std::uint64_t>(now_.time_since_epoch().count()), first.mapped().executor}) {
    trace_hash_ = (trace_hash_ ^ part) * 1099511628211ULL;
  }
  if (is_paused(first.mapped().process)) {
    held_.insert(std::move(first));
    return true;
  }
  running_ = first.mapped().process;
  std::move(first.mapped().task)();
  running_ = 0;
  return true;
}

void SimulatedWorld::run_until(env::MonotonicTime end) {
  while (next_time() <= end) step();
  now_ = std::max(now_, end);
}

}  // namespace ottla::testing
