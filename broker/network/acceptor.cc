#include "broker/network/acceptor.h"

#include <glog/logging.h>

#include <boost/asio/ip/v6_only.hpp>
#include <chrono>
#include <future>
#include <utility>

#include "broker/network/connection_limits.h"
#include "broker/network/loop.h"

namespace ottla::network {
namespace {

using boost::asio::ip::tcp;

constexpr std::chrono::milliseconds kPause{20};

Result<tcp::endpoint> resolve(boost::asio::io_context& context, const ListenerOptions& listener) {
  if (listener.host.empty()) return tcp::endpoint(tcp::v6(), listener.port);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(listener.host, error);
  if (!error) return tcp::endpoint(address, listener.port);
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(listener.host, std::to_string(listener.port), error);
  if (error || found.empty()) {
    return fail(ErrorCode::InvalidConfig, "listener " + listener.name + ": cannot resolve host " +
                                              listener.host + ": " + error.message());
  }
  return found.begin()->endpoint();
}

}  // namespace

Acceptor::Acceptor(std::shared_ptr<Loop> loop, ListenerOptions options)
    : loop_(std::move(loop)), options_(std::move(options)) {}

Result<std::shared_ptr<Acceptor>> Acceptor::bind(std::shared_ptr<Loop> loop,
                                                 const ListenerOptions& listener,
                                                 const NetworkOptions& network) {
  auto acceptor = std::make_shared<Acceptor>(std::move(loop), listener);
  OTTLA_TRY_VOID(acceptor->open(network));
  return acceptor;
}

Result<> Acceptor::open(const NetworkOptions& network) {
  OTTLA_TRY(tcp::endpoint endpoint, resolve(loop_->context(), options_));
  socket_.emplace(loop_->context());
  boost::system::error_code error;
  socket_->open(endpoint.protocol(), error);
  if (error && options_.host.empty()) {  // A machine without IPv6.
    endpoint = tcp::endpoint(tcp::v4(), options_.port);
    socket_->open(endpoint.protocol(), error);
  }
  if (!error && endpoint.protocol() == tcp::v6() && options_.host.empty()) {
    socket_->set_option(boost::asio::ip::v6_only(false), error);
  }
  if (!error) socket_->set_option(tcp::acceptor::reuse_address(true), error);
  // Before listen: the window scale is settled when a connection opens.
  if (!error && network.receive_buffer_bytes > 0) {
    socket_->set_option(boost::asio::socket_base::receive_buffer_size(network.receive_buffer_bytes),
                        error);
  }
  if (!error) socket_->bind(endpoint, error);
  if (error) {
    return fail(ErrorCode::InvalidConfig, "listener " + options_.name + ": cannot bind " +
                                              options_.host + ":" + std::to_string(options_.port) +
                                              ": " + error.message());
  }
  // Bound but not listening: no client gets in before `start`.
  port_ = socket_->local_endpoint(error).port();
  backlog_ = network.listen_backlog;
  return {};
}

void Acceptor::start(ConnectionLimits& limits, NextLoop next_loop, Accepted accepted) {
  limits_ = &limits;
  next_loop_ = std::move(next_loop);
  accepted_ = std::move(accepted);
  boost::system::error_code error;
  socket_->listen(backlog_, error);
  LOG_IF(ERROR, error) << "[listener " << options_.name << "] cannot listen: " << error.message();
  loop_->post([self = shared_from_this()] { self->accept(); });
}

void Acceptor::accept() {
  if (!socket_) return;
  if (!limits_->has_room(options_.name)) return pause();
  const std::shared_ptr<Loop> home = next_loop_();
  socket_->async_accept(
      home->context(),
      [self = shared_from_this(), home](const boost::system::error_code& error, Socket socket) {
        if (!self->socket_) return;
        if (error) {
          LOG_EVERY_T(WARNING, 10)
              << "[listener " << self->options_.name << "] cannot accept: " << error.message();
          return self->pause();
        }
        self->accepted_(std::move(socket), home);
        self->accept();
      });
}

/// Too many connections or descriptors, or too fast: looks again a little later.
void Acceptor::pause() {
  ++pauses_;
  retry_ = loop_->post_after(kPause, [this] { accept(); });
}

env::Duration Acceptor::blocked() const {
  return pauses_.load() * env::Duration(kPause);
}

void Acceptor::close() {
  std::promise<void> closed;
  loop_->post([this, &closed] {
    retry_ = nullptr;
    socket_.reset();
    closed.set_value();
  });
  closed.get_future().wait();
}

}  // namespace ottla::network
