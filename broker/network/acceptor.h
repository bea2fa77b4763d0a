#pragma once

// Private to broker/network: brings in Asio.

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "broker/network/network.h"
#include "common/env/executor.h"

namespace ottla::network {

class ConnectionLimits;
class Loop;

/// One listener's socket. At a limit (`ConnectionLimits`) it leaves new connections in the kernel's
/// backlog.
/// Thread: bind, start and close any; the rest loop.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using NextLoop = std::function<std::shared_ptr<Loop>()>;
  using Accepted = std::function<void(Socket, std::shared_ptr<Loop>)>;

  /// Errors: InvalidConfig with the address and the kernel's reason.
  static Result<std::shared_ptr<Acceptor>> bind(std::shared_ptr<Loop> loop,
                                                const ListenerOptions& listener,
                                                const NetworkOptions& network);
  Acceptor(std::shared_ptr<Loop> loop, ListenerOptions options);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const ListenerOptions& options() const { return options_; }

  /// Takes connections from now on. `next_loop` says where the next one shall live.
  void start(ConnectionLimits& limits, NextLoop next_loop, Accepted accepted);
  /// For how long it has taken nobody in since its start. Thread: any.
  [[nodiscard]] env::Duration blocked() const;
  /// Returns when the socket is closed. Idempotent.
  void close();

 private:
  Result<> open(const NetworkOptions& network);
  void accept();
  void pause();

  const std::shared_ptr<Loop> loop_;
  const ListenerOptions options_;
  std::optional<boost::asio::ip::tcp::acceptor> socket_;
  std::uint16_t port_ = 0;
  int backlog_ = 0;
  ConnectionLimits* limits_ = nullptr;
  NextLoop next_loop_;
  Accepted accepted_;
  env::TimerHandle retry_;
  std::atomic<std::int64_t> pauses_{0};
};

}  // namespace ottla::network
