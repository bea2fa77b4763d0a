#include "bench/load/closed_loop.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace ottla::load {
namespace {

constexpr std::size_t kSmallestInput = 4096;
constexpr int kPatienceMs = 60'000;

}  // namespace

ClosedLoop::~ClosedLoop() {
  for (const Connection& connection : connections_) close(connection.fd);
  if (epoll_ >= 0) close(epoll_);
}

std::size_t ClosedLoop::connect(const Address& address) {
  if (epoll_ < 0) epoll_ = epoll_create1(EPOLL_CLOEXEC);
  const std::size_t number = connections_.size();
  Connection& connection = connections_.emplace_back();
  connection.fd = connect_to(address);
  fcntl(connection.fd, F_SETFL, O_NONBLOCK);
  connection.input.resize(kSmallestInput);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = number;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
  return number;
}

std::size_t ClosedLoop::add_lane(std::size_t connection) {
  lane_connections_.push_back(connection);
  ready_.push_back(lane_connections_.size() - 1);
  return lane_connections_.size() - 1;
}

Outcome ClosedLoop::run(bool wait) {
  if (limits_.active == 0) limits_.active = lane_connections_.size();
  wait_for_go(wait);
  const auto begin = SteadyClock::now();
  if (limits_.seconds > 0) {
    deadline_ = begin + std::chrono::duration_cast<SteadyClock::duration>(
                            std::chrono::duration<double>(limits_.seconds));
  }
  std::vector<epoll_event> events(256);
  start_requests();
  while (active_ > 0) {
    const int count =
        epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kPatienceMs);
    if (count == 0) die("no answer for " + std::to_string(kPatienceMs / 1000) + " s");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if ((event.events & EPOLLOUT) != 0) flush(event.data.u64);
      if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(event.data.u64);
    }
    start_requests();
  }
  outcome_.seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  return std::move(outcome_);
}

bool ClosedLoop::may_start() const {
  return !ready_.empty() && active_ < limits_.active &&
         (limits_.requests == 0 || started_ < limits_.requests) &&
         (limits_.bytes == 0 || outcome_.bytes < limits_.bytes) &&
         (!deadline_ || SteadyClock::now() < *deadline_);
}

void ClosedLoop::start_requests() {
  while (may_start()) {
    const std::size_t lane = ready_.front();
    ready_.pop_front();
    const ByteView frame = load_.next_request(lane);
    if (frame.empty()) continue;
    ++active_;
    ++started_;
    const std::size_t number = lane_connections_[lane];
    Connection& connection = connections_[number];
    connection.under_way.push_back({lane, SteadyClock::now()});
    connection.unsent.push_back(frame);
    if (!connection.wants_to_write) flush(number);
  }
}

void ClosedLoop::flush(std::size_t number) {
  Connection& connection = connections_[number];
  while (!connection.unsent.empty()) {
    ByteView& rest = connection.unsent.front();
    const ssize_t sent = send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN) die(std::string("send: ") + std::strerror(errno));
      break;
    }
    rest = rest.subspan(static_cast<std::size_t>(sent));
    if (!rest.empty()) break;
    connection.unsent.pop_front();
  }
  watch(number, !connection.unsent.empty());
}

void ClosedLoop::watch(std::size_t number, bool writable) {
  Connection& connection = connections_[number];
  if (connection.wants_to_write == writable) return;
  connection.wants_to_write = writable;
  epoll_event event{};
  event.events = writable ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = number;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
}

void ClosedLoop::receive(std::size_t number) {
  Connection& connection = connections_[number];
  const ssize_t got = recv(connection.fd, connection.input.data() + connection.filled,
                           connection.input.size() - connection.filled, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) die("a broker closed the connection");
  connection.filled += static_cast<std::size_t>(got);
  take_frames(connection);
}

void ClosedLoop::take_frames(Connection& connection) {
  std::size_t at = 0;
  while (connection.filled - at >= 4) {
    const std::size_t size = load_big_endian<std::uint32_t>(connection.input.data() + at);
    if (connection.input.size() < size + 4) connection.input.resize(size + 4);
    if (connection.filled - at < size + 4) break;
    if (connection.under_way.empty()) die("an answer that nobody asked for");
    const UnderWay asked = connection.under_way.front();
    connection.under_way.pop_front();
    outcome_.bytes +=
        load_.take_answer(asked.lane, MutableByteView(connection.input.data() + at + 4, size));
    outcome_.latencies_ns.push_back((SteadyClock::now() - asked.sent).count());
    ++outcome_.requests;
    --active_;
    ready_.push_back(asked.lane);
    at += size + 4;
  }
  if (at == 0) return;
  std::memmove(connection.input.data(), connection.input.data() + at, connection.filled - at);
  connection.filled -= at;
}

}  // namespace ottla::load
