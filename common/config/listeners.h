#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/config/broker_values.h"
#include "common/config/enums.h"

namespace ottla::config {

/// One of `listeners` or `advertised.listeners`.
struct Listener {
  std::string name;  ///< Upper case, as it is compared and registered.
  SecurityProtocol security_protocol = SecurityProtocol::Plaintext;
  std::string host;  ///< Empty: every interface (listeners), or this host's name (advertised).
  std::uint16_t port = 0;  ///< 0: any free one (listeners), or the bound one (advertised).

  friend bool operator==(const Listener&, const Listener&) = default;
};

/// Where to listen. Errors: InvalidConfig, naming key and part.
[[nodiscard]] Result<std::vector<Listener>> listeners(const BrokerValues& values);
/// What to announce: `advertised.listeners`, or `listeners` where it is unset.
[[nodiscard]] Result<std::vector<Listener>> advertised_listeners(const BrokerValues& values);
/// The name of the listener that brokers use among each other.
[[nodiscard]] Result<std::string> inter_broker_listener_name(const BrokerValues& values);

/// A host and a port, as `ottla.grpc.listener` has them; IPv6 addresses stand in brackets.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);

}  // namespace ottla::config
