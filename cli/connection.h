#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/payload.h"

namespace ottla::cli {

/// One TCP connection to a broker: a frame out, a frame back, blocking. Thread: one at a time.
class Connection {
 public:
  /// Errors: NetworkException, naming the address.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const std::string& host,
                                                                std::uint16_t port,
                                                                std::chrono::milliseconds timeout);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Sends a frame in memory (its size in front) and waits for one back, returned without its size.
  /// After an error the connection is of no more use. Errors: NetworkException, RequestTimedOut.
  [[nodiscard]] Result<SharedBuffer> exchange(const Payload& frame,
                                              std::chrono::milliseconds timeout);

 private:
  struct Socket;
  explicit Connection(std::unique_ptr<Socket> socket);

  std::unique_ptr<Socket> socket_;
};

}  // namespace ottla::cli
