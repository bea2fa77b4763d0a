#pragma once

#include <cstdint>
#include <ostream>
#include <span>
#include <string_view>

#include "common/protocol/version.h"

namespace ottla::protocol {

/// The APIs of Kafka 3.9 that we know, by their number on the wire. The table is generated from
/// proto/kafka/*.schema. What a broker serves at a time is broker/api's decision.
enum class ApiKey : std::int16_t {  // NOLINT(performance-enum-size): its size on the wire
#define OTTLA_API(name, key, first, last, served_first, served_last, first_flexible) name = (key),
#include "common/protocol/api_table.inc"
#undef OTTLA_API
};

/// From this number on an API is Ottla's own: Kafka's tools and clients never hear of it. It is
/// advertised only to clients that call themselves kOwnSoftwareName in ApiVersions (KIP-511), so
/// the version is agreed on as with all others; docs/wire-protocol.md lists them.
inline constexpr std::int16_t kFirstOwnApi = 20000;
inline constexpr std::string_view kOwnSoftwareName = "ottla";
[[nodiscard]] constexpr bool is_own_api(ApiKey key) {
  return static_cast<std::int16_t>(key) >= kFirstOwnApi;
}

struct ApiInfo {
  ApiKey key;
  std::string_view name;
  VersionRange versions;      ///< That we can encode and decode.
  VersionRange kafka_serves;  ///< What a ZooKeeper-mode broker of Kafka 3.9 tells in ApiVersions.
  std::int16_t first_flexible;
};

/// All APIs, by key.
[[nodiscard]] std::span<const ApiInfo> all_apis();
/// Null for a number that is none of ours.
[[nodiscard]] const ApiInfo* find_api(std::int16_t key);
[[nodiscard]] const ApiInfo& info_of(ApiKey key);
/// "Fetch".
[[nodiscard]] std::string_view name_of(ApiKey key);
std::ostream& operator<<(std::ostream& out, ApiKey key);

/// Version of the request header that stands before this request: 0 only for ControlledShutdown v0
/// (no client id), 2 for flexible versions, else 1. Holds for versions unknown to us, too: an
/// ApiVersions request of a newer client must be parsed to be refused.
[[nodiscard]] ApiVersion request_header_version(ApiKey key, ApiVersion version);
/// 1 for flexible versions, else 0; ApiVersions always 0 (KIP-511).
[[nodiscard]] ApiVersion response_header_version(ApiKey key, ApiVersion version);

}  // namespace ottla::protocol
