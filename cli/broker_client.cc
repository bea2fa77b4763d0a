#include "cli/broker_client.h"

#include <algorithm>
#include <thread>

#include "cli/client_properties.h"
#include "cli/version.h"
#include "common/config/listeners.h"
#include "common/protocol/messages/api_versions.h"

namespace ottla::cli {
namespace {

/// For the first answer of each of several bootstrap servers; then all are asked again.
constexpr std::chrono::milliseconds kFirstRound{2000};
constexpr std::chrono::milliseconds kLongestConnect{10'000};

std::vector<std::string> split_by_comma(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at <= text.size()) {
    const auto comma = std::min(text.find(',', at), text.size());
    if (comma > at) parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

}  // namespace

Result<BrokerClient> BrokerClient::connect(const std::string& bootstrap_servers,
                                           std::chrono::milliseconds timeout) {
  BrokerClient client(timeout);
  const std::vector<std::string> servers = split_by_comma(bootstrap_servers);
  std::vector<std::chrono::milliseconds> patience{timeout};
  // One that takes connections and says nothing (stopped, or its host overloaded) does not hold up
  // the tool while there are others.
  if (servers.size() > 1 && timeout > kFirstRound) patience.insert(patience.begin(), kFirstRound);
  std::string reasons;
  for (const std::chrono::milliseconds round : patience) {
    reasons.clear();
    for (const auto& server : servers) {
      auto address = config::parse_host_port(server);
      if (!address) {
        return fail(address.error().code(), "--bootstrap-server: " + address.error().message());
      }
      auto peer = client.open(address->host, address->port, round);
      if (peer) {
        client.first_ = *std::move(peer);
        return client;
      }
      reasons += "\n  " + peer.error().describe();
    }
  }
  return fail(ErrorCode::BrokerNotAvailable, "no broker can be reached:" + reasons);
}

Result<BrokerClient> BrokerClient::connect(const Arguments& arguments,
                                           std::optional<std::chrono::milliseconds> patience) {
  const auto servers = arguments.has("bootstrap-server") ? arguments.value("bootstrap-server")
                                                         : arguments.value("broker-list");
  if (!servers) return fail(ErrorCode::InvalidRequest, "--bootstrap-server is missing");
  OTTLA_TRY(const ClientProperties properties,
            ClientProperties::read(arguments.value("command-config")));
  OTTLA_TRY_VOID(properties.require_plaintext());
  return connect(*servers, patience.value_or(properties.request_timeout()));
}

Result<BrokerClient::Peer> BrokerClient::open(const std::string& host, std::uint16_t port,
                                              std::chrono::milliseconds patience) const {
  Peer peer;
  peer.host = host;
  peer.port = port;
  OTTLA_TRY(peer.connection, Connection::open(host, port, std::min(patience, kLongestConnect)));
  OTTLA_TRY_VOID(learn_versions(peer, patience));
  return peer;
}

protocol::ApiVersionsRequest api_versions_request(std::string_view software_name) {
  protocol::ApiVersionsRequest request;
  request.client_software_name = software_name;
  request.client_software_version = kVersion;
  return request;
}

Result<> BrokerClient::learn_versions(Peer& peer, std::chrono::milliseconds patience) const {
  // A broker that does not know our version answers with version 0 and says so in it (KIP-511).
  const auto request = api_versions_request(protocol::kOwnSoftwareName);
  for (const std::int16_t number : {std::int16_t{3}, std::int16_t{0}}) {
    const protocol::ApiVersion version(number);
    OTTLA_TRY(const Payload frame,
              protocol::encode_request(request, version, peer.next_correlation_id++, "ottla"));
    OTTLA_TRY(const SharedBuffer answer, exchange(peer, frame, patience));
    OTTLA_TRY(const auto response,
              protocol::parse_response(answer->bytes(), protocol::ApiKey::ApiVersions, version));
    auto decoded = protocol::decode<protocol::ApiVersionsResponse>(response.body, version);
    const bool refused = !decoded || decoded->error_code == ErrorCode::UnsupportedVersion;
    if (refused && number > 0) continue;
    if (!decoded) return fail(std::move(decoded).error());
    if (decoded->error_code != ErrorCode::None) return fail(decoded->error_code);
    for (const auto& api : decoded->api_keys) {
      if (const auto* known = protocol::find_api(api.api_key)) {
        peer.versions[known->key] = {api.min_version, api.max_version};
      }
    }
    return {};
  }
  return fail(ErrorCode::UnsupportedVersion);
}

Result<SharedBuffer> BrokerClient::exchange(Peer& peer, const Payload& frame,
                                            std::chrono::milliseconds patience) {
  if (peer.connection == nullptr) return fail(ErrorCode::NetworkException, "not connected");
  auto answer = peer.connection->exchange(frame, patience);
  if (!answer) peer.connection.reset();
  return answer;
}

Result<protocol::ApiVersion> BrokerClient::version_for(const Peer& peer, protocol::ApiKey api,
                                                       protocol::VersionRange ours) {
  const auto theirs = peer.versions.find(api);
  const std::string who = "broker " + peer.host + ":" + std::to_string(peer.port);
  if (theirs == peer.versions.end()) {
    return fail(ErrorCode::UnsupportedVersion,
                who + " does not offer " + std::string(protocol::name_of(api)));
  }
  const auto newest = std::min(ours.last, theirs->second.last);
  if (newest < ours.first || newest < theirs->second.first) {
    return fail(ErrorCode::UnsupportedVersion, who + " and this tool have no common version of " +
                                                   std::string(protocol::name_of(api)));
  }
  return protocol::ApiVersion(newest);
}

Result<BrokerClient::Peer*> BrokerClient::peer_of(BrokerId broker) {
  auto& peer = peers_[broker];
  if (peer.connection == nullptr) {
    if (!addresses_.contains(broker)) {
      OTTLA_TRY([[maybe_unused]] const auto learned, metadata(std::vector<std::string>{}));
    }
    const auto address = addresses_.find(broker);
    if (address == addresses_.end()) {
      return fail(ErrorCode::BrokerNotAvailable,
                  "broker " + std::to_string(broker.value()) + " is not in the cluster now");
    }
    OTTLA_TRY(peer, open(address->second.first, address->second.second, timeout_));
  }
  return &peer;
}

Result<BrokerClient::Peer*> BrokerClient::controller() {
  OTTLA_TRY([[maybe_unused]] const auto learned, metadata(std::vector<std::string>{}));
  if (controller_id_ == kNoBroker) {
    return fail(ErrorCode::BrokerNotAvailable, "the cluster has no controller now; try again");
  }
  return peer_of(controller_id_);
}

bool BrokerClient::wait_until(std::chrono::steady_clock::time_point deadline) {
  constexpr std::chrono::milliseconds kPause{100};
  if (std::chrono::steady_clock::now() + kPause >= deadline) return false;
  std::this_thread::sleep_for(kPause);
  return true;
}

Result<protocol::MetadataResponse> BrokerClient::metadata_of(
    const protocol::MetadataRequest& request) {
  OTTLA_TRY(protocol::MetadataResponse response, ask<protocol::MetadataResponse>(request));
  for (const auto& broker : response.brokers) {
    addresses_[broker.node_id] = {broker.host, static_cast<std::uint16_t>(broker.port)};
  }
  controller_id_ = response.controller_id;
  return response;
}

Result<protocol::MetadataResponse> BrokerClient::metadata() {
  protocol::MetadataRequest request;
  request.topics.reset();
  request.allow_auto_topic_creation = false;
  return metadata_of(request);
}

Result<protocol::MetadataResponse> BrokerClient::metadata(const std::vector<std::string>& topics) {
  protocol::MetadataRequest request;
  for (const auto& topic : topics) request.topics->push_back({.topic_id = {}, .name = topic});
  request.allow_auto_topic_creation = false;
  return metadata_of(request);
}

}  // namespace ottla::cli
