#pragma once

#include <cstdint>
#include <limits>

#include "common/base/id.h"

namespace ottla::protocol {

/// Version of one API, chosen by the client for each request.
using ApiVersion = Id<struct ApiVersionTag, std::int16_t>;

/// Versions from `first` to `last`, both included; empty when `last` is less.
struct VersionRange {
  std::int16_t first = 0;
  std::int16_t last = -1;

  [[nodiscard]] constexpr bool contains(ApiVersion version) const {
    return version.value() >= first && version.value() <= last;
  }
  [[nodiscard]] constexpr bool empty() const { return last < first; }
  friend bool operator==(const VersionRange&, const VersionRange&) = default;
};

/// First flexible version of an API that has none (KIP-482: compact lengths, tagged fields).
inline constexpr std::int16_t kNeverFlexible = std::numeric_limits<std::int16_t>::max();

}  // namespace ottla::protocol
