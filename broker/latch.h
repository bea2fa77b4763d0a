#pragma once

#include <atomic>
#include <chrono>
#include <future>

namespace ottla::broker {

/// Something that happens once and is waited for by the starting thread.
/// Thread: any.
class Latch {
 public:
  void open() {
    if (!opened_.exchange(true)) promise_.set_value();
  }
  [[nodiscard]] bool is_open() const { return opened_; }
  [[nodiscard]] bool wait_within(std::chrono::milliseconds timeout) const {
    return future_.wait_for(timeout) == std::future_status::ready;
  }
  void wait() const { future_.wait(); }

 private:
  std::atomic<bool> opened_ = false;
  std::promise<void> promise_;
  std::shared_future<void> future_{promise_.get_future()};
};

}  // namespace ottla::broker
