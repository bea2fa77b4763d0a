#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/error.h"

namespace ottla::config {

/// What a configuration value is; the numbers are DescribeConfigs' `config_type`.
enum class ValueType : std::int8_t {
  Unknown = 0,  ///< Of a name that is in no table.
  Boolean = 1,
  String = 2,
  Int = 3,
  Short = 4,
  Long = 5,
  Double = 6,
  List = 7,
  Class = 8,
  Password = 9,
};
/// "boolean", "int" ...: as Kafka's documentation writes it.
[[nodiscard]] std::string_view name_of(ValueType type);

/// A secret: it prints as `[hidden]`, and only `reveal` gives it away.
class Password {
 public:
  Password() = default;
  explicit Password(std::string secret) : secret_(std::move(secret)) {}

  [[nodiscard]] const std::string& reveal() const { return secret_; }

  friend bool operator==(const Password&, const Password&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Password&) { return out << "[hidden]"; }

 private:
  std::string secret_;
};

using List = std::vector<std::string>;

/// A parsed value; `monostate` is Kafka's null: not set, and no default either.
using Value = std::variant<std::monostate, bool, std::int16_t, std::int32_t, std::int64_t, double,
                           std::string, List, Password>;

/// Reads a value as Kafka does: blanks around it are dropped, booleans are case-insensitive, lists
/// are separated by commas. The error's text says what was expected ("must be a whole number ...").
[[nodiscard]] Result<Value> parse_value(ValueType type, std::string_view text);

/// The value as DescribeConfigs and files write it; nothing for null. Secrets come out in clear.
[[nodiscard]] std::optional<std::string> to_text(const Value& value);

}  // namespace ottla::config
