#pragma once

#include <memory>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/record/compression.h"
#include "common/record/growing_buffer.h"

namespace ottla::record {

// The codecs behind compression.h, a file each; their libraries' headers stay in those files.
// Contexts of the libraries are kept per thread and used again: creating one costs more than a
// small batch does.

/// What Kafka answers for data that cannot be decompressed.
inline constexpr ErrorCode kDamagedData = ErrorCode::UnknownServerError;

[[nodiscard]] Result<std::unique_ptr<Decompressor>> open_gzip(ByteView compressed);
[[nodiscard]] Result<std::unique_ptr<Decompressor>> open_snappy(ByteView compressed);
[[nodiscard]] Result<std::unique_ptr<Decompressor>> open_lz4(ByteView compressed, Lz4Header header);
[[nodiscard]] Result<std::unique_ptr<Decompressor>> open_zstd(ByteView compressed);

[[nodiscard]] Result<void> compress_gzip(std::optional<int> level, ByteView plain,
                                         GrowingBuffer& out);
void compress_snappy(ByteView plain, GrowingBuffer& out);
[[nodiscard]] Result<void> compress_lz4(std::optional<int> level, ByteView plain,
                                        GrowingBuffer& out, Lz4Header header);
[[nodiscard]] Result<void> compress_zstd(std::optional<int> level, ByteView plain,
                                         GrowingBuffer& out);

}  // namespace ottla::record
