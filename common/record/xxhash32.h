#pragma once

#include <cstdint>

#include "common/base/bytes.h"

namespace ottla::record {

/// XXH32 with seed 0: the checksum of lz4 frame headers. For a few bytes, not tuned.
[[nodiscard]] std::uint32_t xxhash32(ByteView bytes);

}  // namespace ottla::record
