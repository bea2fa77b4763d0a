#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/connection.h"
#include "cli/flags.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/protocol/frame.h"
#include "common/protocol/messages/metadata.h"

namespace ottla::protocol {
struct ApiVersionsRequest;
}

namespace ottla::cli {

/// A name under which brokers tell Kafka's APIs alone, not their own for our tools.
inline constexpr std::string_view kToolSoftwareName = "ottla-tool";
/// As a client of that name asks (KIP-511), in this version.
[[nodiscard]] protocol::ApiVersionsRequest api_versions_request(std::string_view software_name);

/// Asks brokers of a cluster, one request at a time: what the admin tools need. The version of each
/// request is the newest that both sides know. Byte views in a response are good until the same
/// broker is asked again. Thread: one at a time.
class BrokerClient {
 public:
  /// Connects to the first of these brokers that answers. Errors: BrokerNotAvailable, with what
  /// each of them said.
  [[nodiscard]] static Result<BrokerClient> connect(const std::string& bootstrap_servers,
                                                    std::chrono::milliseconds timeout);
  /// By --bootstrap-server (or --broker-list, where the tool has it) and --command-config.
  /// Waits for request.timeout.ms, or as long as `patience` says.
  [[nodiscard]] static Result<BrokerClient> connect(
      const Arguments& arguments, std::optional<std::chrono::milliseconds> patience = {});

  /// Asks the broker of the first contact. Errors: those of the connection; UnsupportedVersion when
  /// the broker does not serve this API. Error codes inside the response are the caller's.
  template <protocol::ApiMessage Response, protocol::ApiMessage Request>
  [[nodiscard]] Result<Response> ask(const Request& request) {
    return ask_on<Response>(first_, request);
  }
  /// Asks one broker, as the last `metadata` call told its address.
  template <protocol::ApiMessage Response, protocol::ApiMessage Request>
  [[nodiscard]] Result<Response> ask(BrokerId broker, const Request& request) {
    OTTLA_TRY(Peer* const peer, peer_of(broker));
    return ask_on<Response>(*peer, request);
  }
  /// Asks the controller, whoever takes office meanwhile: one that cannot be reached, or is not the
  /// controller any more, has done nothing. Errors: BrokerNotAvailable when there is none for as
  /// long as an answer may take.
  template <protocol::ApiMessage Response, protocol::ApiMessage Request>
  [[nodiscard]] Result<Response> ask_controller(const Request& request) {
    const auto deadline = std::chrono::steady_clock::now() + timeout_;
    while (true) {
      const Result<Peer*> peer = controller();
      if (peer) {
        Result<Response> response = ask_on<Response>(**peer, request);
        if (!response || !names_not_controller(*response) || !wait_until(deadline)) return response;
      } else if (!wait_until(deadline)) {
        return fail(peer.error());
      }
    }
  }

  /// Until it is destroyed no step (a connection, an answer) takes longer than `most`.
  class [[nodiscard]] Limit {
   public:
    Limit(BrokerClient& client, std::chrono::milliseconds most)
        : client_(client),
          before_(std::exchange(client.timeout_, std::min(client.timeout_, most))) {}
    ~Limit() { client_.timeout_ = before_; }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;

   private:
    BrokerClient& client_;
    const std::chrono::milliseconds before_;
  };

  /// All topics, or the named ones; never creates a topic. Learns where the brokers are.
  [[nodiscard]] Result<protocol::MetadataResponse> metadata();
  [[nodiscard]] Result<protocol::MetadataResponse> metadata(const std::vector<std::string>& topics);
  /// Whether the broker of the first contact serves this version of an API.
  [[nodiscard]] bool serves(protocol::ApiKey api, std::int16_t version = 0) const {
    const auto at = first_.versions.find(api);
    return at != first_.versions.end() && at->second.last >= version;
  }

 private:
  struct Peer {
    std::string host;
    std::uint16_t port = 0;
    std::unique_ptr<Connection> connection;
    std::map<protocol::ApiKey, protocol::VersionRange> versions;
    std::int32_t next_correlation_id = 1;
    SharedBuffer answer;  ///< The last one: responses may have views into it.
  };

  explicit BrokerClient(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  /// NOT_CONTROLLER, wherever a response to a request for the controller has its error codes.
  template <class Response>
  [[nodiscard]] static bool names_not_controller(const Response& response) {
    const auto names = [](const auto& rows) {
      return std::ranges::any_of(
          rows, [](const auto& row) { return row.error_code == ErrorCode::NotController; });
    };
    if constexpr (requires { response.error_code; }) {
      return response.error_code == ErrorCode::NotController;
    } else if constexpr (requires { response.topics; }) {
      return names(response.topics);
    } else if constexpr (requires { response.responses; }) {
      return names(response.responses);
    } else {
      return names(response.results);
    }
  }
  /// A moment before the next try; false: it would be too late for one.
  [[nodiscard]] static bool wait_until(std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] Result<Peer> open(const std::string& host, std::uint16_t port,
                                  std::chrono::milliseconds patience) const;
  [[nodiscard]] Result<> learn_versions(Peer& peer, std::chrono::milliseconds patience) const;
  [[nodiscard]] Result<Peer*> peer_of(BrokerId broker);
  [[nodiscard]] Result<Peer*> controller();
  [[nodiscard]] Result<protocol::MetadataResponse> metadata_of(
      const protocol::MetadataRequest& request);
  [[nodiscard]] static Result<protocol::ApiVersion> version_for(const Peer& peer,
                                                                protocol::ApiKey api,
                                                                protocol::VersionRange ours);
  [[nodiscard]] static Result<SharedBuffer> exchange(Peer& peer, const Payload& frame,
                                                     std::chrono::milliseconds patience);

  template <protocol::ApiMessage Response, protocol::ApiMessage Request>
  [[nodiscard]] Result<Response> ask_on(Peer& peer, const Request& request) {
    OTTLA_TRY(const auto version, version_for(peer, Request::kKey, Request::kVersions));
    OTTLA_TRY(const Payload frame,
              protocol::encode_request(request, version, peer.next_correlation_id++, "ottla"));
    OTTLA_TRY(peer.answer, exchange(peer, frame, timeout_));
    OTTLA_TRY(const auto response,
              protocol::parse_response(peer.answer->bytes(), Request::kKey, version));
    return protocol::decode<Response>(response.body, version);
  }

  std::chrono::milliseconds timeout_;
  Peer first_;
  std::map<BrokerId, Peer> peers_;
  std::map<BrokerId, std::pair<std::string, std::uint16_t>> addresses_;
  BrokerId controller_id_ = kNoBroker;
};

}  // namespace ottla::cli
