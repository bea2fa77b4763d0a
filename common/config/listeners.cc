#include "common/config/listeners.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <set>

#include "common/config/network_keys.h"

namespace ottla::config {
namespace {

using ProtocolMap = std::map<std::string, SecurityProtocol>;

std::string upper_case(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

/// Elements between commas, without blanks and without empty ones.
List elements(std::string_view text) {
  List all = std::get<List>(*parse_value(ValueType::List, text));
  std::erase(all, "");
  return all;
}

std::optional<SecurityProtocol> protocol_named(std::string_view name) {
  constexpr auto kWords = words_of(SecurityProtocol{});
  const auto at = std::ranges::find(kWords, name);
  if (at == kWords.end()) return std::nullopt;
  return static_cast<SecurityProtocol>(at - kWords.begin());
}

tl::unexpected<Error> refuse(std::string_view key, std::string_view part, std::string_view what) {
  return fail(ErrorCode::InvalidConfig,
              std::string(key) + "=" + std::string(part) + ": " + std::string(what));
}

Result<ProtocolMap> protocol_map(const BrokerValues& values) {
  const std::string_view key = kListenerSecurityProtocolMap.name;
  ProtocolMap map;
  for (const auto& element : elements(values.get(kListenerSecurityProtocolMap))) {
    const auto colon = element.rfind(':');
    if (colon == std::string::npos || colon == 0) {
      return refuse(key, element, "must be NAME:PROTOCOL");
    }
    const auto protocol = protocol_named(upper_case(element.substr(colon + 1)));
    if (!protocol) {
      return refuse(key, element,
                    "the protocol must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL");
    }
    if (!map.emplace(upper_case(element.substr(0, colon)), *protocol).second) {
      return refuse(key, element, "the name stands there twice");
    }
  }
  return map;
}

Result<Listener> parse_listener(std::string_view key, const std::string& element,
                                const ProtocolMap& protocols) {
  const auto scheme_end = element.find("://");
  if (scheme_end == std::string::npos || scheme_end == 0) {
    return refuse(key, element, "must be NAME://host:port");
  }
  Listener listener;
  listener.name = upper_case(element.substr(0, scheme_end));
  const auto address = parse_host_port(std::string_view(element).substr(scheme_end + 3));
  if (!address) return refuse(key, element, address.error().message());
  listener.host = address->host;
  listener.port = address->port;
  const auto protocol = protocols.find(listener.name);
  if (protocol == protocols.end()) {
    return refuse(key, element,
                  listener.name + " has no security protocol in listener.security.protocol.map");
  }
  listener.security_protocol = protocol->second;
  return listener;
}

Result<std::vector<Listener>> parse_listeners(std::string_view key, const std::string& text,
                                              const BrokerValues& values) {
  OTTLA_TRY(const ProtocolMap protocols, protocol_map(values));
  std::vector<Listener> listeners;
  for (const auto& element : elements(text)) {
    OTTLA_TRY(Listener listener, parse_listener(key, element, protocols));
    if (std::ranges::find(listeners, listener.name, &Listener::name) != listeners.end()) {
      return refuse(key, text, "the listener name " + listener.name + " stands there twice");
    }
    listeners.push_back(std::move(listener));
  }
  if (listeners.empty()) return refuse(key, text, "must name at least one listener");
  return listeners;
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::InvalidConfig,
                "\"" + std::string(text) + "\" must be host:port with a port from 0 to 65535");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  HostPort result;
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const bool plausible = std::ranges::all_of(host, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-%._:").find(static_cast<char>(c)) != std::string_view::npos;
  });
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  if (!plausible || error != std::errc() || end != digits.data() + digits.size()) return wrong();
  result.host = std::string(host);
  return result;
}

Result<std::vector<Listener>> listeners(const BrokerValues& values) {
  const std::string text = values.get(kListeners);
  OTTLA_TRY(std::vector<Listener> all, parse_listeners(kListeners.name, text, values));
  // Two listeners may share a port only on addresses of their own; names are not resolved here, so
  // an equal port is refused unless the hosts differ and neither is "all interfaces".
  std::set<std::pair<std::uint16_t, std::string>> taken;
  for (const auto& listener : all) {
    if (listener.port == 0) continue;
    const bool everywhere =
        listener.host.empty() || listener.host == "0.0.0.0" || listener.host == "::";
    for (const auto& [port, host] : taken) {
      if (port == listener.port && (everywhere || host.empty() || host == listener.host)) {
        return refuse(kListeners.name, text,
                      "port " + std::to_string(port) + " stands there twice");
      }
    }
    taken.emplace(listener.port, everywhere ? "" : listener.host);
  }
  return all;
}

Result<std::vector<Listener>> advertised_listeners(const BrokerValues& values) {
  const auto own = values.get(kAdvertisedListeners);
  const std::string_view key = own ? kAdvertisedListeners.name : kListeners.name;
  const std::string text = own ? *own : values.get(kListeners);
  OTTLA_TRY(std::vector<Listener> advertised, parse_listeners(key, text, values));
  OTTLA_TRY(const std::vector<Listener> bound, listeners(values));
  for (const auto& listener : advertised) {
    if (listener.host == "0.0.0.0") {
      return refuse(key, text,
                    "0.0.0.0 cannot be announced; set advertised.listeners to an address that "
                    "others can reach");
    }
    if (std::ranges::find(bound, listener.name, &Listener::name) == bound.end()) {
      return refuse(key, text, listener.name + " is not among listeners");
    }
  }
  return advertised;
}

Result<std::string> inter_broker_listener_name(const BrokerValues& values) {
  const auto named = values.get(kInterBrokerListenerName);
  if (!named) {
    constexpr auto kWords = words_of(SecurityProtocol{});
    return std::string(
        kWords.at(static_cast<std::size_t>(values.get(kSecurityInterBrokerProtocol))));
  }
  if (values.is_set(kSecurityInterBrokerProtocol.name)) {
    return refuse(kInterBrokerListenerName.name, *named,
                  "must not be set together with security.inter.broker.protocol");
  }
  return upper_case(*named);
}

}  // namespace ottla::config
