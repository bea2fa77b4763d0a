#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/key.h"

namespace ottla::config {

/// All keys of server.properties, sorted by name.
[[nodiscard]] std::span<const AnyKey> broker_keys();
/// All keys of a topic, sorted by name.
[[nodiscard]] std::span<const AnyKey> topic_keys();

/// The key with this name, or null.
[[nodiscard]] const AnyKey* find_broker_key(std::string_view name);
[[nodiscard]] const AnyKey* find_topic_key(std::string_view name);

/// Names that Kafka 3.9 reads and we do not yet, sorted.
[[nodiscard]] std::span<const std::string_view> kafka_keys_without_effect();

/// The broker key that was probably meant by a misspelled name; empty if none is near.
[[nodiscard]] std::string_view nearest_broker_key(std::string_view name);

}  // namespace ottla::config
