#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/value.h"

namespace ottla::config {

/// Where a value comes from; the numbers are DescribeConfigs' `config_source`.
enum class Source : std::int8_t {
  DynamicTopic = 1,
  DynamicBroker = 2,
  DynamicDefaultBroker = 3,
  StaticBroker = 4,
  Default = 5,
  DynamicBrokerLogger = 6,
};
/// "DYNAMIC_TOPIC_CONFIG" ...
[[nodiscard]] std::string_view name_of(Source source);

/// A place that has a value for a key.
struct Synonym {
  std::string name;
  std::optional<std::string> value;  ///< Nothing for a secret.
  Source source = Source::Default;

  friend bool operator==(const Synonym&, const Synonym&) = default;
};

/// One key as DescribeConfigs tells it.
struct Entry {
  std::string name;
  std::optional<std::string> value;  ///< Nothing for null, and always for a secret.
  Source source = Source::Default;
  ValueType type = ValueType::String;
  bool read_only = false;
  bool sensitive = false;
  std::vector<Synonym> synonyms;  ///< Every place that has a value, the one in effect first.
  std::string_view doc;
};

}  // namespace ottla::config
