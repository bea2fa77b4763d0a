#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/task.h"
#include "common/env/executor.h"

namespace ottla::zookeeper {

/// The way from the client's thread to an owner's executor: callbacks wrapped here run there, and
/// none runs once the postbox is gone. Destroyed on the executor's thread, or when that has ended.
/// Thread: any.
class Postbox {
 public:
  explicit Postbox(env::Executor& executor) : state_(std::make_shared<State>(executor)) {}
  ~Postbox() { state_->close(); }
  Postbox(const Postbox&) = delete;
  Postbox& operator=(const Postbox&) = delete;

  void post(Task task) { state_->post(std::move(task)); }

  /// A callback that posts `done` with its value.
  template <class T>
  [[nodiscard]] Callback<T> wrap(Callback<T> done) {
    return [state = state_, done = std::move(done)](T value) mutable {
      state->post([done = std::move(done), value = std::move(value)]() mutable {
        std::move(done)(std::move(value));
      });
    };
  }

 private:
  struct State : std::enable_shared_from_this<State> {
    explicit State(env::Executor& to) : executor(&to) {}

    void post(Task task) OTTLA_EXCLUDES(mutex) {
      MutexLock lock(mutex);
      if (executor == nullptr) return;
      executor->post([self = shared_from_this(), task = std::move(task)]() mutable {
        if (self->open.load(std::memory_order_acquire)) std::move(task)();
      });
    }
    void close() OTTLA_EXCLUDES(mutex) {
      open.store(false, std::memory_order_release);
      MutexLock lock(mutex);
      executor = nullptr;
    }

    Mutex mutex{LockRank::Session};
    env::Executor* executor OTTLA_GUARDED_BY(mutex);
    std::atomic<bool> open{true};
  };

  std::shared_ptr<State> state_;
};

}  // namespace ottla::zookeeper
