#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/payload.h"

namespace ottla::api {

/// Rewrites what a fetch found for a client that cannot read its format, in memory: `byte_budget`
/// and one batch at most, as far as they reach. A first batch that is cut becomes the head of a
/// message that is cut, which tells old consumers that their fetch size is too small.
/// Reads files, so it may block: on the I/O pool only.
/// Errors: those of record::DownConverter; KafkaStorageError.
[[nodiscard]] Result<Payload> down_convert(const Payload& records, std::int8_t target_magic,
                                           Offset fetch_offset, std::size_t byte_budget);

}  // namespace ottla::api
