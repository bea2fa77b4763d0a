#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "common/config/value.h"

namespace ottla::config {

/// Which values a key accepts beyond its type. Null is always accepted where the key may be unset.
struct Allowed {
  /// A rule that no range can say; returns what is wrong ("must be ..."), or nothing.
  using Check = std::optional<std::string> (*)(const Value& value);

  static constexpr std::size_t kMaxChoices = 8;

  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::optional<std::int64_t> exception{};  ///< A number outside the range that is fine too.
  std::array<std::string_view, kMaxChoices> choices{};  ///< Words; of a list, each element.
  bool non_empty = false;
  Check check = nullptr;

  /// Accepts one more number: `range(1, 9).or_else(-1)`.
  [[nodiscard]] constexpr Allowed or_else(std::int64_t number) const {
    Allowed result = *this;
    result.exception = number;
    return result;
  }
};

[[nodiscard]] constexpr Allowed anything() {
  return {};
}
[[nodiscard]] constexpr Allowed at_least(std::int64_t least) {
  return {.least = least};
}
[[nodiscard]] constexpr Allowed range(std::int64_t least, std::int64_t most) {
  return {.least = least, .most = most};
}
[[nodiscard]] constexpr Allowed non_empty() {
  return {.non_empty = true};
}
template <class... Words>
[[nodiscard]] constexpr Allowed one_of(Words... words) {
  static_assert(sizeof...(words) <= Allowed::kMaxChoices);
  return {.choices = {std::string_view(words)...}};
}
[[nodiscard]] constexpr Allowed checked_by(Allowed::Check check) {
  return {.check = check};
}

/// What is wrong with the value ("must be at least 1"), or nothing.
[[nodiscard]] std::optional<std::string> violation(const Allowed& allowed, const Value& value);
/// The rule for people, for the reference: "at least 1"; empty if anything goes.
[[nodiscard]] std::string describe(const Allowed& allowed);

}  // namespace ottla::config
