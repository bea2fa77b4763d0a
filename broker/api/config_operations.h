#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/config/key.h"
#include "common/zookeeper/node_data.h"

/// IncrementalAlterConfigs' operations (KIP-339), apart from where the config stands.
namespace ottla::api {

/// `operation` on the wire.
enum class ConfigOperationKind : std::int8_t { Set = 0, Delete = 1, Append = 2, Subtract = 3 };

struct ConfigOperation {
  std::string name;
  std::int8_t kind = 0;
  std::optional<std::string> value;
};

/// No key twice, no operation that is unknown, a value wherever one is needed. Errors:
/// InvalidRequest.
Result<> check_form(const std::vector<ConfigOperation>& operations);

/// The config after the operations, which have passed `check_form`. What is not set is appended to
/// and subtracted from as the key's default, as in Kafka. `find_key` tells which keys are lists.
/// Errors: InvalidConfig.
Result<zookeeper::ConfigMap> apply_operations(
    zookeeper::ConfigMap config, const std::vector<ConfigOperation>& operations,
    const config::AnyKey* (*find_key)(std::string_view name));

}  // namespace ottla::api
