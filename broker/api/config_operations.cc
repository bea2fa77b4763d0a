#include "broker/api/config_operations.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ottla::api {
namespace {

using config::List;

List list_of(std::string_view text) {
  return std::get<List>(*config::parse_value(config::ValueType::List, text));
}

/// What an operation on a list starts from.
Result<List> list_before(const zookeeper::ConfigMap& config, const ConfigOperation& operation,
                         const config::AnyKey* key) {
  if (key == nullptr || key->type != config::ValueType::List) {
    return fail(ErrorCode::InvalidConfig,
                operation.name + ": values can be appended to and subtracted from lists only");
  }
  const auto own = config.find(operation.name);
  if (own != config.end()) return list_of(own->second);
  return list_of(config::to_text(key->fallback()).value_or(""));
}

void append(List& list, const List& added) {
  for (const std::string& element : added) {
    if (std::ranges::find(list, element) == list.end()) list.push_back(element);
  }
}

void subtract(List& list, const List& removed) {
  for (const std::string& element : removed) {
    const auto at = std::ranges::find(list, element);
    if (at != list.end()) list.erase(at);
  }
}

}  // namespace

Result<> check_form(const std::vector<ConfigOperation>& operations) {
  std::set<std::string_view> names;
  for (const ConfigOperation& operation : operations) {
    if (!names.insert(operation.name).second) {
      return fail(ErrorCode::InvalidRequest, "Error due to duplicate config keys");
    }
  }
  constexpr auto kDelete = static_cast<std::int8_t>(ConfigOperationKind::Delete);
  for (const ConfigOperation& operation : operations) {
    if (operation.kind < 0 ||
        operation.kind > static_cast<std::int8_t>(ConfigOperationKind::Subtract)) {
      return fail(ErrorCode::InvalidRequest,
                  "Unknown operations type " + std::to_string(operation.kind));
    }
    if (operation.kind != kDelete && !operation.value) {
      return fail(ErrorCode::InvalidRequest, "Null value not supported for : " + operation.name);
    }
  }
  return {};
}

Result<zookeeper::ConfigMap> apply_operations(
    zookeeper::ConfigMap config, const std::vector<ConfigOperation>& operations,
    const config::AnyKey* (*find_key)(std::string_view name)) {
  for (const ConfigOperation& operation : operations) {
    const auto kind = static_cast<ConfigOperationKind>(operation.kind);
    if (kind == ConfigOperationKind::Set) {
      config[operation.name] = *operation.value;
    } else if (kind == ConfigOperationKind::Delete) {
      config.erase(operation.name);
    } else {
      OTTLA_TRY(List list, list_before(config, operation, find_key(operation.name)));
      const bool appends = kind == ConfigOperationKind::Append;
      (appends ? append : subtract)(list, list_of(*operation.value));
      config[operation.name] = *config::to_text(config::Value(std::move(list)));
    }
  }
  return config;
}

}  // namespace ottla::api
