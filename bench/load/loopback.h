#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace ottla::load {

/// What two processes and the kernel needed to move bytes over loopback TCP.
struct Exchange {
  std::int64_t bytes = 0;
  double seconds = 0;
  double server_cpu_seconds = 0;
  double client_cpu_seconds = 0;

  [[nodiscard]] double gigabytes() const { return static_cast<double>(bytes) / 1e9; }
};

/// A child process is the server on `connections` sockets; this process receives until all are
/// closed.
[[nodiscard]] Exchange send_over_loopback(
    int connections, const std::function<void(const std::vector<int>& sockets)>& serve);

/// This process asks with `size` bytes on all connections at once, a child answers with as many.
/// `bytes` counts the round trips.
[[nodiscard]] Exchange ask_over_loopback(int connections, std::size_t size, double seconds);

}  // namespace ottla::load
