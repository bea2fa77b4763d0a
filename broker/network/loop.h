#pragma once

// Private to broker/network: brings in Asio.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "common/base/mutex.h"
#include "common/env/executor.h"

namespace ottla::network {

class Connection;

/// One network thread: an io_context and the connections that live on it.
/// Thread: `post` and `post_after` any (mutex_); the rest loop.
class Loop final : public env::Executor {
 public:
  /// Starts the thread; `name` has at most 15 characters.
  explicit Loop(const char* name);
  ~Loop() override;

  void post(Task task) override;
  env::TimerHandle post_after(env::Duration delay, Task task) override;
  [[nodiscard]] bool is_current() const { return thread_.is_current(); }
  void assert_current() const;

  /// Finishes the task that runs, drops the others and the connections, joins the thread. Posting
  /// has no effect from then on. Not from the loop itself.
  void stop();

  [[nodiscard]] env::Duration cpu_time() const { return thread_.cpu_time(); }
  [[nodiscard]] boost::asio::io_context& context() { return *context_; }
  [[nodiscard]] std::unordered_map<std::uint64_t, std::shared_ptr<Connection>>& connections() {
    return connections_;
  }
  /// The next look for idle connections.
  [[nodiscard]] env::TimerHandle& sweep() { return sweep_; }

 private:
  std::optional<boost::asio::io_context> context_;  // empty after stop
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  Mutex mutex_{LockRank::Network};
  bool stopped_ OTTLA_GUARDED_BY(mutex_) = false;
  env::EventLoop thread_;
  env::TimerHandle sweep_;
};

}  // namespace ottla::network
