#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/payload.h"
#include "common/base/task.h"
#include "common/env/clock.h"
#include "common/env/executor.h"

namespace ottla::network {

/// What a request handler may know of the connection that a request came on. One object for each
/// connection; it lives as long as any of its requests.
/// Thread: loop (the connection's own).
struct ConnectionInfo {
  std::uint64_t id = 0;  ///< Never given twice in one process.
  env::MonotonicTime accepted{};
  std::string listener;  ///< Its name: decides which endpoints Metadata shows.
  std::string security_protocol;
  std::string client_host;              ///< Numeric address.
  std::string principal;                ///< "User:ANONYMOUS" until authentication says otherwise.
  std::shared_ptr<env::Executor> loop;  ///< Runs all of this connection's requests.
  std::string software_name;            ///< KIP-511; set by the ApiVersions handler.
  std::string software_version;
  std::shared_ptr<void> counted;  ///< Among the connections of that software.
};

/// One frame as it came. Record bytes are views into `frame`.
struct Request {
  SharedBuffer frame;  ///< Without the size prefix: request header, then body.
  std::shared_ptr<ConnectionInfo> connection;
  env::MonotonicTime received{};  ///< When its last byte was read from the socket.
};

/// Is told how an answer fares. Thread: loop (the connection's own).
class AnswerObserver {
 public:
  virtual ~AnswerObserver() = default;
  /// Its turn has come: all answers before it are on their way.
  virtual void in_turn() = 0;
  /// The kernel has taken its last byte. Not called when the connection ends before.
  virtual void sent() = 0;
};

/// The connection's side of a Responder. `slot` numbers the requests of a connection.
/// Thread: any.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  /// `observer` may be null.
  virtual void respond(std::uint64_t slot, Payload response,
                       std::shared_ptr<AnswerObserver> observer) = 0;
  virtual void respond_nothing(std::uint64_t slot) = 0;
  virtual void close_connection(std::uint64_t slot) = 0;
  virtual void allow_next(std::uint64_t slot) = 0;
};

/// The right, and the duty, to answer one request: exactly one of `respond`, `respond_nothing`,
/// `close_connection`. Destroyed unanswered it closes the connection, so that a client of a lost
/// request does not wait for its own timeout.
/// Thread: any.
class Responder {
 public:
  Responder() = default;
  Responder(std::shared_ptr<ResponseSink> sink, std::uint64_t slot)
      : sink_(std::move(sink)), slot_(slot) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&& other) noexcept {
    if (this != &other) {
      if (sink_) sink_->close_connection(slot_);
      sink_ = std::move(other.sink_);
      slot_ = other.slot_;
    }
    return *this;
  }
  ~Responder() {
    if (sink_) sink_->close_connection(slot_);
  }

  /// `response` is a whole frame: size, header, body.
  void respond(Payload response, std::shared_ptr<AnswerObserver> observer = nullptr) {
    std::exchange(sink_, nullptr)->respond(slot_, std::move(response), std::move(observer));
  }
  /// The request asked for no answer (acks=0).
  void respond_nothing() { std::exchange(sink_, nullptr)->respond_nothing(slot_); }
  void close_connection() { std::exchange(sink_, nullptr)->close_connection(slot_); }

  /// Lets the connection's next request in before this one is answered. For a request whose effect
  /// is complete but whose answer waits (a produce that waits for its followers). Answers keep
  /// the order of the requests. Run inside `handle`, it takes effect when that returns; once,
  /// before the answer or after it, also by who has passed the responder on.
  [[nodiscard]] Task next_permit() const {
    return [sink = sink_, slot = slot_] { sink->allow_next(slot); };
  }

 private:
  std::shared_ptr<ResponseSink> sink_;
  std::uint64_t slot_ = 0;
};

/// Takes the requests of all connections. Implemented above this layer.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  /// Called on the connection's loop, for one request of a connection at a time; must not block.
  virtual void handle(Request request, Responder responder) = 0;
};

}  // namespace ottla::network
