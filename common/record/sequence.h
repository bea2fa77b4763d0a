#pragma once

#include <cstdint>
#include <limits>

namespace ottla::record {

/// Producer sequences count from 0 to 2^31-1 and then start at 0 again.
[[nodiscard]] constexpr std::int32_t add_to_sequence(std::int32_t sequence, std::int32_t records) {
  constexpr std::int64_t kWrap = std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1;
  return static_cast<std::int32_t>(((std::int64_t{sequence} + records) % kWrap + kWrap) % kWrap);
}

}  // namespace ottla::record
