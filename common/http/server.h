#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/task.h"

namespace ottla::http {

/// A GET or HEAD.
struct Request {
  std::string path;                          ///< Decoded, without the query.
  std::map<std::string, std::string> query;  ///< Decoded; of a name given twice, the last value.
};

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  /// Shared, so that a hundred slow readers of one page hold it once.
  std::shared_ptr<const std::string> body = std::make_shared<const std::string>();
  std::map<std::string, std::string> headers{};  ///< Others.

  static Response text(unsigned status, std::string body, std::string content_type);
};

class Handler {
 public:
  virtual ~Handler() = default;
  /// On the server's thread: what takes long there holds up other requests, and nothing else.
  /// `done` may be called on any thread; not called, the client waits until its time is up.
  virtual void handle(Request request, Callback<Response> done) = 0;
};

struct Options {
  std::string host = "127.0.0.1";  ///< An address or a name; empty: all.
  std::uint16_t port = 0;          ///< 0: any free one.
  std::size_t max_connections = 64;
  std::size_t max_header_bytes = 8 * 1024;
  std::chrono::milliseconds request_timeout{10'000};  ///< From the first byte to the last.
  std::chrono::milliseconds answer_timeout{30'000};   ///< To make the answer, and to send it.
  std::chrono::milliseconds idle_timeout{60'000};     ///< Between requests.
};

/// A small HTTP/1.1 server for people and monitoring: GET and HEAD only, on a thread of its own
/// with low priority, so that nobody who asks, however often, slowly or wrongly, costs the rest of
/// the process more than that thread's share. When there are too many connections a new one takes
/// the place of the one that has waited longest for its request. Thread: start and stop from one
/// thread.
class Server {
 public:
  Server(Options options, Handler& handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The port. Errors: InvalidConfig (the host is unknown, the port is taken).
  Result<std::uint16_t> start();
  /// Ends all connections. No `handle` is called any more; a late `done` has no effect. Idempotent.
  void stop();

  /// Runs a task on the server's thread, at once or after a while; never after `stop`.
  /// Thread: any.
  void post(Task task);
  void post_after(std::chrono::milliseconds delay, Task task);

 private:
  class State;
  std::shared_ptr<State> state_;
};

/// The path and the query of a request's target. Error: InvalidRequest.
[[nodiscard]] Result<Request> parse_target(std::string_view target);

}  // namespace ottla::http
