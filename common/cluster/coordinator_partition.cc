#include "common/cluster/coordinator_partition.h"

#include <cstdlib>
#include <limits>

namespace ottla::cluster {
namespace {

/// Calls `unit` for each UTF-16 unit; what is no UTF-8 counts as one unit for each byte.
template <class F>
void for_each_utf16_unit(std::string_view text, F unit) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(i);
    std::size_t length = 1;
    std::uint32_t code = first;
    if (first >= 0xF0) {
      length = 4;
      code = first & 0x07u;
    } else if (first >= 0xE0) {
      length = 3;
      code = first & 0x0Fu;
    } else if (first >= 0xC0) {
      length = 2;
      code = first & 0x1Fu;
    }
    if (i + length > text.size()) {
      length = 1;
      code = first;
    }
    for (std::size_t k = 1; k < length; ++k) code = (code << 6) | (byte(i + k) & 0x3Fu);
    i += length;
    if (code >= 0x10000) {
      code -= 0x10000;
      unit(static_cast<std::uint16_t>(0xD800 + (code >> 10)));
      unit(static_cast<std::uint16_t>(0xDC00 + (code & 0x3FF)));
    } else {
      unit(static_cast<std::uint16_t>(code));
    }
  }
}

}  // namespace

std::int32_t java_hash(std::string_view utf8) {
  std::uint32_t hash = 0;
  for_each_utf16_unit(utf8, [&](std::uint16_t unit) { hash = hash * 31 + unit; });
  return static_cast<std::int32_t>(hash);
}

std::size_t java_length(std::string_view utf8) {
  std::size_t units = 0;
  for_each_utf16_unit(utf8, [&](std::uint16_t) { ++units; });
  return units;
}

std::int32_t coordinator_partition(std::string_view key, std::int32_t partitions) {
  const std::int32_t hash = java_hash(key);
  if (hash == std::numeric_limits<std::int32_t>::min()) return 0;
  return std::abs(hash) % partitions;
}

}  // namespace ottla::cluster
