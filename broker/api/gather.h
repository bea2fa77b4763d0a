#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/task.h"

namespace ottla::api {

/// Outcomes that come in any order, handed on in the order of the questions once all are there.
/// Thread: any.
template <class T>
class Gather {
 public:
  Gather(std::size_t count, Callback<std::vector<T>> done)
      : outcomes_(count), left_(count), done_(std::move(done)) {}

  void settle(std::size_t index, T outcome) {
    MutexLock lock(mutex_);
    outcomes_[index] = std::move(outcome);
    if (--left_ > 0) return;
    auto done = std::move(done_);
    auto outcomes = std::move(outcomes_);
    lock.unlock();
    std::move(done)(std::move(outcomes));
    lock.lock();
  }

 private:
  Mutex mutex_{LockRank::Leaf};
  std::vector<T> outcomes_ OTTLA_GUARDED_BY(mutex_);
  std::size_t left_ OTTLA_GUARDED_BY(mutex_);
  Callback<std::vector<T>> done_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::api
