#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "common/base/bytes.h"

namespace ottla {

/// A 128-bit identifier; its text is 22 characters of unpadded base64url, as Kafka writes topic
/// and cluster ids.
class Uuid {
 public:
  constexpr Uuid() = default;
  constexpr Uuid(std::uint64_t high, std::uint64_t low) : high_(high), low_(low) {}

  /// From 16 random bytes (made a version 4 UUID). The caller brings the randomness: simulated
  /// runs repeat.
  [[nodiscard]] static Uuid from_random(std::uint64_t high, std::uint64_t low);
  [[nodiscard]] static std::optional<Uuid> parse(std::string_view base64url);
  [[nodiscard]] static Uuid load(const std::byte* at);
  void store(std::byte* at) const;

  [[nodiscard]] std::string to_string() const;
  /// 32 lower-case hex digits without dashes (names of directories being deleted).
  [[nodiscard]] std::string to_hex() const;
  [[nodiscard]] constexpr bool is_zero() const { return high_ == 0 && low_ == 0; }
  [[nodiscard]] constexpr std::uint64_t high() const { return high_; }
  [[nodiscard]] constexpr std::uint64_t low() const { return low_; }

  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Uuid& id) {
    return out << id.to_string();
  }

 private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

using TopicId = Uuid;

}  // namespace ottla

template <>
struct std::hash<ottla::Uuid> {
  std::size_t operator()(const ottla::Uuid& id) const noexcept {
    return static_cast<std::size_t>(id.high() ^ (id.low() * 0x9E3779B97F4A7C15ULL));
  }
};
