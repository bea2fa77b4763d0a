#include "common/protocol/messages/api_versions.h"

#include <algorithm>
#include <string_view>

#include "broker/api/api_table.h"
#include "broker/api/client_software.h"
#include "broker/api/features.h"
#include "broker/api/handlers.h"
#include "common/config/ottla_keys.h"

namespace ottla::api {
namespace {

using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// KIP-511: letters and digits, with '-' and '.' between them.
bool is_software_name(std::string_view name) {
  return !name.empty() && is_letter_or_digit(name.front()) && is_letter_or_digit(name.back()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; });
}

ApiVersionsResponse::Api row_of(const ServedApi& api) {
  return {static_cast<std::int16_t>(api.key), api.versions.first, api.versions.last};
}

constexpr std::int16_t kLatestTransactionVersion = 2;

/// KIP-584. Before v4 clients fail on a lowest version of 0 (KIP-1022).
void tell_features(const Call& call, std::int32_t transaction_version,
                   ApiVersionsResponse& response) {
  const std::int16_t lowest = call.version_at_least(4) ? 0 : 1;
  response.supported_features.push_back({.name = kTransactionVersion,
                                         .min_version = lowest,
                                         .max_version = kLatestTransactionVersion});
  response.finalized_features_epoch = 0;
  if (transaction_version == 0) return;
  const auto level = static_cast<std::int16_t>(transaction_version);
  response.finalized_features.push_back(
      {.name = kTransactionVersion, .max_version_level = level, .min_version_level = level});
}

}  // namespace

void handle_api_versions(Call call, Services& services) {
  const auto request = decode_or_close<ApiVersionsRequest>(call);
  if (!request) return;
  ApiVersionsResponse response;
  if (call.version_at_least(3)) {
    if (!is_software_name(request->client_software_name) ||
        !is_software_name(request->client_software_version)) {
      response.error_code = ErrorCode::InvalidRequest;
      return answer(call, response);
    }
    call.connection().software_name = request->client_software_name;
    call.connection().software_version = request->client_software_version;
    call.connection().counted = services.client_software.connected(request->client_software_name,
                                                                   request->client_software_version,
                                                                   call.connection().listener);
    tell_features(call, services.config.values()->get(config::kOttlaTransactionVersion), response);
  }
  const bool is_our_tool = request->client_software_name == protocol::kOwnSoftwareName;
  for (const ServedApi& api : served_apis()) {
    if (is_our_tool || !protocol::is_own_api(api.key)) response.api_keys.push_back(row_of(api));
  }
  answer(call, response);
}

void handle_unsupported_api_versions(Call call) {
  ApiVersionsResponse response;
  response.error_code = ErrorCode::UnsupportedVersion;
  for (const ServedApi& api : served_apis()) {
    if (api.key == protocol::ApiKey::ApiVersions) response.api_keys.push_back(row_of(api));
  }
  call.header.version = protocol::ApiVersion(0);
  answer(call, response);
}

}  // namespace ottla::api
