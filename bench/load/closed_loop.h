#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "bench/load/cluster.h"
#include "bench/load/outcome.h"
#include "common/base/bytes.h"

namespace ottla::load {

/// What is asked, and what is made of the answers. A lane has one request under way at a time.
class Load {
 public:
  virtual ~Load() = default;
  /// The frame to send, size included; valid until this lane's answer. Empty: the lane is done.
  [[nodiscard]] virtual ByteView next_request(std::size_t lane) = 0;
  /// The answer without its size. Returns the bytes that count.
  [[nodiscard]] virtual std::int64_t take_answer(std::size_t lane, MutableByteView frame) = 0;
};

struct Limits {
  std::int64_t requests = 0;  ///< 0: no limit; one of the three must be set, or all lanes end.
  std::int64_t bytes = 0;
  double seconds = 0;
  std::size_t active = 0;  ///< Requests under way at once, over all connections; 0: one a lane.
};

/// Sends requests on raw sockets, each as soon as an answer makes room; lanes take turns. One
/// thread: the brokers are what is measured, so that all it costs must stay small.
class ClosedLoop {
 public:
  ClosedLoop(Load& load, const Limits& limits) : load_(load), limits_(limits) {}
  ~ClosedLoop();
  ClosedLoop(const ClosedLoop&) = delete;
  ClosedLoop& operator=(const ClosedLoop&) = delete;

  /// The number of a new connection.
  std::size_t connect(const Address& address);
  /// The number of a new lane on that connection.
  std::size_t add_lane(std::size_t connection);

  /// Until a limit is reached and all answers are in.
  [[nodiscard]] Outcome run(bool wait);

 private:
  using SteadyClock = std::chrono::steady_clock;
  struct UnderWay {
    std::size_t lane;
    SteadyClock::time_point sent;
  };
  struct Connection {
    int fd = -1;
    std::deque<UnderWay> under_way;  ///< Answers come in the order of the requests.
    std::deque<ByteView> unsent;
    std::vector<std::byte> input;
    std::size_t filled = 0;
    bool wants_to_write = false;
  };

  void start_requests();
  void flush(std::size_t number);
  void receive(std::size_t number);
  void take_frames(Connection& connection);
  void watch(std::size_t number, bool writable);
  [[nodiscard]] bool may_start() const;

  Load& load_;
  Limits limits_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::vector<std::size_t> lane_connections_;
  std::deque<std::size_t> ready_;
  std::size_t active_ = 0;
  std::int64_t started_ = 0;
  std::optional<SteadyClock::time_point> deadline_;
  Outcome outcome_;
};

}  // namespace ottla::load
