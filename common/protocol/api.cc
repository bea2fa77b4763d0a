#include "common/protocol/api.h"

#include <algorithm>
#include <array>

#include "common/protocol/version.h"

namespace ottla::protocol {
namespace {

constexpr auto kApis = std::to_array<ApiInfo>({
#define OTTLA_API(name, key, first, last, served_first, served_last, first_flexible) \
  {ApiKey::name, #name, {first, last}, {served_first, served_last}, first_flexible},
#include "common/protocol/api_table.inc"
#undef OTTLA_API
});

bool is_flexible(ApiKey key, ApiVersion version) {
  return version.value() >= info_of(key).first_flexible;
}

}  // namespace

std::span<const ApiInfo> all_apis() {
  return kApis;
}

const ApiInfo* find_api(std::int16_t key) {
  const auto at = std::ranges::lower_bound(kApis, static_cast<ApiKey>(key), {}, &ApiInfo::key);
  return at != kApis.end() && at->key == static_cast<ApiKey>(key) ? &*at : nullptr;
}

const ApiInfo& info_of(ApiKey key) {
  return *find_api(static_cast<std::int16_t>(key));
}

std::string_view name_of(ApiKey key) {
  const ApiInfo* info = find_api(static_cast<std::int16_t>(key));
  return info != nullptr ? info->name : "Unknown";
}

std::ostream& operator<<(std::ostream& out, ApiKey key) {
  return out << name_of(key);
}

ApiVersion request_header_version(ApiKey key, ApiVersion version) {
  if (key == ApiKey::ControlledShutdown && version == ApiVersion(0)) return ApiVersion(0);
  return ApiVersion(is_flexible(key, version) ? 2 : 1);
}

ApiVersion response_header_version(ApiKey key, ApiVersion version) {
  if (key == ApiKey::ApiVersions) return ApiVersion(0);
  return ApiVersion(is_flexible(key, version) ? 1 : 0);
}

}  // namespace ottla::protocol
