#include "broker/network/loop.h"

#include <glog/logging.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "broker/network/connection.h"

namespace ottla::network {
namespace {

/// Owned by what waits for it in the io_context, so it never outlives that.
struct PendingTimer {
  PendingTimer(boost::asio::io_context& context, Task run) : timer(context), task(std::move(run)) {}
  boost::asio::steady_timer timer;
  Task task;
};

/// Cancelling from another thread marks at once and disarms on the loop.
class LoopTimer final : public env::Timer {
 public:
  using Flag = std::shared_ptr<std::atomic<bool>>;

  LoopTimer(Loop& loop, Flag done, std::weak_ptr<PendingTimer> pending)
      : loop_(loop), done_(std::move(done)), pending_(std::move(pending)) {}
  ~LoopTimer() override { cancel(); }

  void cancel() override {
    if (done_->exchange(true)) return;
    auto disarm = [weak = std::move(pending_)] {
      if (const auto pending = weak.lock()) {
        pending->timer.cancel();
        pending->task = nullptr;
      }
    };
    if (loop_.is_current()) {
      disarm();
    } else {
      loop_.post(std::move(disarm));
    }
  }

 private:
  Loop& loop_;
  Flag done_;
  std::weak_ptr<PendingTimer> pending_;
};

}  // namespace

Loop::Loop(const char* name)
    : context_(std::in_place, 1), work_(context_->get_executor()), thread_(name) {
  thread_.post([this] { context_->run(); });
}

Loop::~Loop() {
  stop();
}

void Loop::post(Task task) {
  MutexLock lock(mutex_);
  if (stopped_) return;
  boost::asio::post(*context_, [task = std::move(task)]() mutable { std::move(task)(); });
}

env::TimerHandle Loop::post_after(env::Duration delay, Task task) {
  auto done = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<PendingTimer> pending;
  {
    MutexLock lock(mutex_);
    if (stopped_) return std::make_unique<LoopTimer>(*this, std::move(done), pending);
    pending = std::make_shared<PendingTimer>(*context_, std::move(task));
    pending->timer.expires_after(delay);
  }
  auto handle = std::make_unique<LoopTimer>(*this, done, pending);
  post([pending = std::move(pending), done = std::move(done)] {
    if (*done) return;
    pending->timer.async_wait([pending, done](const boost::system::error_code& error) {
      if (error || done->exchange(true)) return;
      std::move(pending->task)();
    });
  });
  return handle;
}

void Loop::assert_current() const {
  CHECK(is_current()) << "called off its event loop";
}

void Loop::stop() {
  {
    MutexLock lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  work_.reset();
  context_->stop();
  thread_.stop();
  for (auto& [id, connection] : std::exchange(connections_, {})) connection->close();
  context_.reset();
}

}  // namespace ottla::network
