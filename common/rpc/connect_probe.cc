#include "common/rpc/connect_probe.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace ottla::rpc {
namespace {

ConnectOutcome outcome_of(int error_number) {
  if (error_number == 0) return ConnectOutcome::Accepted;
  return error_number == ECONNREFUSED ? ConnectOutcome::Refused : ConnectOutcome::Unknown;
}

ConnectOutcome connect_to(const addrinfo& address, env::Duration timeout) {
  const int descriptor = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return ConnectOutcome::Unknown;
  int error_number = 0;
  if (::connect(descriptor, address.ai_addr, address.ai_addrlen) != 0) {
    error_number = errno;
    if (error_number == EINPROGRESS) {
      pollfd wait{descriptor, POLLOUT, 0};
      const auto wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
      socklen_t length = sizeof error_number;
      if (::poll(&wait, 1, static_cast<int>(wait_ms)) != 1) {
        error_number = ETIMEDOUT;
      } else if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error_number, &length) != 0) {
        error_number = errno;
      }
    }
  }
  ::close(descriptor);
  return outcome_of(error_number);
}

}  // namespace

ConnectOutcome probe_connect(const std::string& endpoint, env::Duration timeout) {
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string::npos) return ConnectOutcome::Unknown;
  std::string host = endpoint.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), endpoint.c_str() + colon + 1, &hints, &found) != 0) {
    return ConnectOutcome::Unknown;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  // Dead only if every address refuses.
  ConnectOutcome verdict = ConnectOutcome::Unknown;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    verdict = connect_to(*address, timeout);
    if (verdict != ConnectOutcome::Refused) return verdict;
  }
  return verdict;
}

}  // namespace ottla::rpc
