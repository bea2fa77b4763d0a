#include "bench/load/loopback.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>

#include "bench/load/cluster.h"
#include "bench/load/outcome.h"

namespace ottla::load {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// The server's and the client's ends.
struct Pairs {
  std::vector<int> servers;
  std::vector<int> clients;
};

Pairs connect_pairs(int count) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(listener, 128) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    die("cannot listen");
  }
  Pairs pairs;
  const int on = 1;
  for (int i = 0; i < count; ++i) {
    pairs.clients.push_back(connect_to({"127.0.0.1", ntohs(at.sin_port)}));
    pairs.servers.push_back(accept(listener, nullptr, nullptr));
    setsockopt(pairs.servers.back(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  close(listener);
  return pairs;
}

void close_all(const std::vector<int>& sockets) {
  for (const int fd : sockets) close(fd);
}

class Poller {
 public:
  explicit Poller(const std::vector<int>& sockets) : epoll_(epoll_create1(0)), events_(64) {
    for (const int fd : sockets) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = fd;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
  }
  ~Poller() { close(epoll_); }
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void forget(int fd) { epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

  /// Calls `use` with each socket that has something to read.
  void wait(const std::function<void(int)>& use) {
    const int count = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), -1);
    for (int i = 0; i < count; ++i) use(events_[static_cast<std::size_t>(i)].data.fd);
  }

 private:
  int epoll_;
  std::vector<epoll_event> events_;
};

/// Runs `serve` in a child with the server's ends, `ask` here with the client's; who is done closes
/// its own.
Exchange run(int connections, const std::function<void(const std::vector<int>&)>& serve,
             const std::function<std::int64_t(const std::vector<int>&)>& ask) {
  const Pairs pairs = connect_pairs(connections);
  const double own_before = own_cpu_seconds();
  const double children_before = children_cpu_seconds();
  const pid_t child = fork();
  if (child < 0) die("cannot fork");
  if (child == 0) {
    close_all(pairs.clients);
    serve(pairs.servers);
    std::_Exit(0);
  }
  close_all(pairs.servers);
  const auto begin = SteadyClock::now();
  Exchange exchange;
  exchange.bytes = ask(pairs.clients);
  exchange.seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  close_all(pairs.clients);
  waitpid(child, nullptr, 0);
  exchange.server_cpu_seconds = children_cpu_seconds() - children_before;
  exchange.client_cpu_seconds = own_cpu_seconds() - own_before;
  return exchange;
}

std::int64_t receive_all(const std::vector<int>& sockets) {
  Poller poller(sockets);
  std::vector<std::byte> buffer(1 << 20);
  std::int64_t bytes = 0;
  std::size_t open = sockets.size();
  while (open > 0) {
    poller.wait([&](int fd) {
      const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
      if (got > 0) {
        bytes += got;
      } else {
        --open;
        poller.forget(fd);
      }
    });
  }
  return bytes;
}

/// Answers whatever comes with the same bytes, until all clients are gone.
void echo(const std::vector<int>& sockets, std::size_t size) {
  Poller poller(sockets);
  std::vector<std::byte> buffer(size);
  std::size_t open = sockets.size();
  while (open > 0) {
    poller.wait([&](int fd) {
      const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
      if (got > 0) {
        (void)send(fd, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
      } else {
        --open;
        poller.forget(fd);
      }
    });
  }
}

std::int64_t ask_again_and_again(const std::vector<int>& sockets, std::size_t size,
                                 double seconds) {
  Poller poller(sockets);
  std::vector<std::byte> buffer(size);
  for (const int fd : sockets) (void)send(fd, buffer.data(), size, MSG_NOSIGNAL);
  const auto end = SteadyClock::now() + std::chrono::duration<double>(seconds);
  std::int64_t answers = 0;
  while (SteadyClock::now() < end) {
    poller.wait([&](int fd) {
      if (recv(fd, buffer.data(), size, 0) <= 0) die("the echo is gone");
      ++answers;
      (void)send(fd, buffer.data(), size, MSG_NOSIGNAL);
    });
  }
  return answers;
}

}  // namespace

Exchange send_over_loopback(int connections,
                            const std::function<void(const std::vector<int>&)>& serve) {
  return run(connections, serve, receive_all);
}

Exchange ask_over_loopback(int connections, std::size_t size, double seconds) {
  return run(
      connections, [size](const std::vector<int>& sockets) { echo(sockets, size); },
      [&](const std::vector<int>& sockets) { return ask_again_and_again(sockets, size, seconds); });
}

}  // namespace ottla::load
