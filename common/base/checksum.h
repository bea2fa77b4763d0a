#pragma once

#include <cstdint>

#include "common/base/bytes.h"

namespace ottla {

/// CRC-32C (Castagnoli): record batches v2 and producer snapshots. `seed` is the checksum of the
/// bytes before, so a checksum can be taken piece by piece.
[[nodiscard]] std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

/// CRC-32 (zlib's polynomial): messages v0 and v1.
[[nodiscard]] std::uint32_t crc32(ByteView bytes, std::uint32_t seed = 0);

}  // namespace ottla
