#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/config/key.h"

namespace ottla::config {

/// Ends a callback's registration when it is destroyed; waits for a call that is under way, so it
/// must not be destroyed inside its own callback.
class [[nodiscard]] Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::function<void()> cancel)
      : cancel_(std::shared_ptr<void>(nullptr, [cancel = std::move(cancel)](void*) { cancel(); })) {
  }

 private:
  std::shared_ptr<void> cancel_;
};

/// Callbacks that one change calls in turn. Thread: any; a change is told on the thread that makes
/// it, and one callback is never run twice at once.
class Subscribers {
 public:
  Subscription add(std::function<void()> on_change);
  void notify();

 private:
  struct Callback {
    explicit Callback(std::function<void()> function) : call(std::move(function)) {}

    // Held around the call, which may take any other lock: so whoever ends a subscription holds
    // none.
    Mutex running{LockRank::BrokerLifecycle};
    std::function<void()> call OTTLA_GUARDED_BY(running);
  };
  struct State {
    Mutex mutex{LockRank::Leaf};
    std::vector<std::shared_ptr<Callback>> callbacks OTTLA_GUARDED_BY(mutex);
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

namespace internal {

/// The cell behind all bindings of one key.
class BindingCell {
 public:
  BindingCell() = default;
  BindingCell(const BindingCell&) = delete;
  BindingCell& operator=(const BindingCell&) = delete;
  virtual ~BindingCell() = default;
  /// Stores the value; true if it differs from the one before.
  virtual bool store(const Value& value) = 0;
  Subscribers subscribers;
};

template <class T>
class TypedCell final : public BindingCell {
 public:
  static constexpr bool kLockFree = std::is_arithmetic_v<T> || std::is_enum_v<T>;

  explicit TypedCell(T value) : value_(std::move(value)) {}

  [[nodiscard]] T load() const {
    if constexpr (kLockFree) {
      return value_.load(std::memory_order_relaxed);
    } else {
      const MutexLock lock(mutex_);
      return value_;
    }
  }
  bool store(const Value& value) override {
    T typed = ValueTraits<T>::take(value);
    if constexpr (kLockFree) {
      return value_.exchange(typed, std::memory_order_relaxed) != typed;
    } else {
      const MutexLock lock(mutex_);
      if (value_ == typed) return false;
      value_ = std::move(typed);
      return true;
    }
  }

 private:
  mutable Mutex mutex_{LockRank::Leaf};
  std::conditional_t<kLockFree, std::atomic<T>, T> value_;
};

}  // namespace internal

/// The value of a dynamic key as it is now: read it where it is used, don't copy it at start.
/// Reading a number, bool or enum costs one relaxed load. Thread: any.
template <class T>
class Binding {
 public:
  /// A value that never changes, for tests.
  [[nodiscard]] static Binding fixed(T value) {
    return Binding(std::make_shared<internal::TypedCell<T>>(std::move(value)));
  }

  [[nodiscard]] T get() const { return cell_->load(); }

  /// Calls back after each change, on the thread that made it; the callback reads `get()`.
  Subscription on_change(std::function<void()> callback) const {
    return cell_->subscribers.add(std::move(callback));
  }

 private:
  friend class BrokerConfig;
  explicit Binding(std::shared_ptr<internal::TypedCell<T>> cell) : cell_(std::move(cell)) {}

  std::shared_ptr<internal::TypedCell<T>> cell_;
};

}  // namespace ottla::config
