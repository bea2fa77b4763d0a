#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/id.h"
#include "common/base/uuid.h"

namespace ottla::cluster {

/// Where clients or brokers reach a listener: `listener` is its name ("PLAINTEXT", "INTERNAL"),
/// `security_protocol` what listener.security.protocol.map makes of it.
struct Endpoint {
  std::string listener;
  std::string security_protocol;
  std::string host;
  std::int32_t port = -1;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// What a starting broker found out about its last stop. Decides whether its replicas may be taken
/// as complete (KIP-966): after a process crash the page cache has all; after a host crash
/// acknowledged records may be missing from the tail.
enum class LastStop : std::uint8_t { Clean, ProcessCrash, HostCrash };

/// A broker as /brokers/ids/N tells it. Ottla's own part (`grpc_endpoint`, `http_endpoint`,
/// `start_nonce`, `last_stop`, `log_dirs_returned`, `directory_ids`, `boot_id`) stands under the
/// key "ottla", which Kafka's readers ignore; it is absent for a Kafka broker.
struct Broker {
  BrokerId id;
  BrokerEpoch epoch = kUnknownBrokerEpoch;  ///< czxid of the registration; not in the JSON.
  std::vector<Endpoint> endpoints;
  std::optional<std::string> rack;
  std::int32_t jmx_port = -1;
  std::int64_t timestamp_ms = 0;

  std::optional<std::string> grpc_endpoint;  ///< host:port
  std::optional<std::string> http_endpoint;  ///< host:port of its status page, if it has one
  std::string start_nonce;                   ///< Another one for each start of the process.
  LastStop last_stop = LastStop::Clean;
  /// Log dirs that failed and came back in this process. Another number: the process registered
  /// anew because replicas of it may lack what they had, and `last_stop` is to be heeded again.
  std::int32_t log_dirs_returned = 0;
  /// Names of the log directories whose locks the process holds, and the boot id of the kernel that
  /// granted them: whoever is granted one of these locks by the same kernel knows that the process
  /// of this registration is gone.
  std::vector<Uuid> directory_ids;
  std::string boot_id;

  [[nodiscard]] const Endpoint* endpoint(const std::string& listener) const {
    for (const Endpoint& candidate : endpoints) {
      if (candidate.listener == listener) return &candidate;
    }
    return nullptr;
  }

  friend bool operator==(const Broker&, const Broker&) = default;
};

}  // namespace ottla::cluster
