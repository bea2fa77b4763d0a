#include "common/base/checksum.h"

#include <algorithm>

#include <isa-l/crc.h>
#include <zlib.h>

namespace ottla {

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) {
  // crc32_iscsi only reads, though its parameter is not const.
  auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
  std::uint32_t crc = ~seed;
  while (!bytes.empty()) {
    const std::size_t step = std::min<std::size_t>(bytes.size(), std::size_t{1} << 30);
    crc = crc32_iscsi(data, static_cast<int>(step), crc);
    data += step;
    bytes = bytes.subspan(step);
  }
  return ~crc;
}

std::uint32_t crc32(ByteView bytes, std::uint32_t seed) {
  return static_cast<std::uint32_t>(
      ::crc32_z(seed, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

}  // namespace ottla
