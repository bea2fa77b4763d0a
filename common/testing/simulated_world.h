#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/random.h"

namespace ottla::testing {

/// Simulated time and all executors on one thread. Ready tasks run in an order drawn from the seed
/// (tasks of one executor keep theirs); time jumps to the next timer when nothing is ready. The
/// same seed repeats exactly.
class SimulatedWorld {
 public:
  explicit SimulatedWorld(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] env::Clock& clock() { return clock_; }
  [[nodiscard]] env::Random& random() { return random_; }
  [[nodiscard]] env::MonotonicTime now() const { return now_; }

  /// A simulated process, for `pause`; 0 is never paused.
  using ProcessId = std::uint32_t;

  /// An executor whose tasks run in order. Destroying it drops its tasks: a crashed process.
  [[nodiscard]] std::unique_ptr<env::Executor> make_executor(ProcessId process = 0);

  /// SIGSTOP: the process's tasks and timers wait until `resume`, which then runs all that is due.
  void pause(ProcessId process);
  void resume(ProcessId process);
  [[nodiscard]] bool is_paused(ProcessId process) const { return paused_.contains(process); }
  /// Whose task runs now; 0 outside of all.
  [[nodiscard]] ProcessId running() const { return running_; }

  /// Runs one task or advances the clock to the next timer; false when there is nothing left.
  bool step();
  /// Steps until `end` on the simulated clock, which then stands there.
  void run_until(env::MonotonicTime end);
  void run_for(env::Duration duration) { run_until(now_ + duration); }
  /// Steps until `condition`, at most for `limit`; whether it came true.
  template <class Condition>
  bool run_until_true(Condition condition, env::Duration limit) {
    const env::MonotonicTime end = now_ + limit;
    while (!condition()) {
      if (next_time() > end || !step()) return condition();
    }
    return true;
  }

  /// Sums up which tasks ran when, so far: two runs of the same seed must agree.
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_hash_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

  /// Wall clock minus monotonic clock; tests make it jump.
  void jump_wall_clock(std::int64_t by_ms) { wall_offset_ms_ += by_ms; }
  /// As this process sees it.
  void jump_wall_clock(ProcessId process, std::int64_t by_ms) { skews_ms_[process] += by_ms; }

 private:
  friend class SimulatedExecutor;

  class SimulatedClock final : public env::Clock {
   public:
    explicit SimulatedClock(const SimulatedWorld& world) : world_(world) {}
    [[nodiscard]] env::MonotonicTime now() const override { return world_.now_; }
    [[nodiscard]] env::WallTimeMs wall_now_ms() const override {
      const auto skew = world_.skews_ms_.find(world_.running_);
      return std::chrono::duration_cast<std::chrono::milliseconds>(world_.now_.time_since_epoch())
                 .count() +
             world_.wall_offset_ms_ + (skew == world_.skews_ms_.end() ? 0 : skew->second);
    }

   private:
    const SimulatedWorld& world_;
  };

  /// Time, then a number that settles the order of what is due at the same time.
  using Key = std::pair<env::MonotonicTime, std::uint64_t>;
  struct Entry {
    std::uint64_t executor;
    ProcessId process;
    Task task;
  };

  [[nodiscard]] env::MonotonicTime next_time() const {
    return queue_.empty() ? env::MonotonicTime::max() : queue_.begin()->first.first;
  }
  Key add(std::uint64_t executor, ProcessId process, env::MonotonicTime at, Task task);
  void remove(Key key);
  void drop_executor(std::uint64_t executor);

  env::SeededRandom random_;
  env::MonotonicTime now_{};
  std::int64_t wall_offset_ms_ = 1'700'000'000'000;
  std::map<ProcessId, std::int64_t> skews_ms_;
  SimulatedClock clock_{*this};
  std::map<Key, Entry> queue_;
  std::map<Key, Entry> held_;  ///< Came due while their process was paused.
  std::set<ProcessId> paused_;
  ProcessId running_ = 0;
  std::map<std::uint64_t, Key> last_of_executor_;
  std::uint64_t last_executor_ = 0;
  std::uint64_t last_entry_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t trace_hash_ = 14695981039346656037ULL;  ///< FNV-1a over time and executor.
  std::shared_ptr<SimulatedWorld*> self_ = std::make_shared<SimulatedWorld*>(this);
};

}  // namespace ottla::testing
