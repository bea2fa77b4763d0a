#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "common/base/task.h"
#include "common/env/clock.h"

namespace ottla::env {

/// What is to be done later, on a clock that somebody else reads. Thread: its owner's.
class TimerQueue {
 public:
  using Key = std::pair<MonotonicTime, std::uint64_t>;

  Key add(MonotonicTime at, Task task) {
    const Key key{at, ++last_};
    tasks_.emplace(key, std::move(task));
    return key;
  }
  /// One that has run, or is running, is fine.
  void remove(const Key& key) { tasks_.erase(key); }
  [[nodiscard]] std::optional<MonotonicTime> next() const {
    if (tasks_.empty()) return std::nullopt;
    return tasks_.begin()->first.first;
  }
  /// Runs what is due at `now`, in order; tasks may add and remove others.
  void run_due(MonotonicTime now) {
    while (!tasks_.empty() && tasks_.begin()->first.first <= now) {
      Task task = std::move(tasks_.begin()->second);
      tasks_.erase(tasks_.begin());
      std::move(task)();
    }
  }
  [[nodiscard]] std::size_t size() const { return tasks_.size(); }

 private:
  std::map<Key, Task> tasks_;
  std::uint64_t last_ = 0;
};

}  // namespace ottla::env
