#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ottla::record {

/// Compression codecs by their number in the attributes of batches and messages (bits 0-2).
enum class Codec : std::uint8_t { None = 0, Gzip = 1, Snappy = 2, Lz4 = 3, Zstd = 4 };

/// The name as in compression.type; "none" for None.
[[nodiscard]] std::string_view name_of(Codec codec);
/// Knows gzip, snappy, lz4, zstd, and both `none` and `uncompressed`.
[[nodiscard]] std::optional<Codec> codec_from_name(std::string_view name);

/// Who set the timestamps: message.timestamp.type. Format 0 has none.
enum class TimestampType : std::int8_t { None = -1, CreateTime = 0, LogAppendTime = 1 };

/// "No timestamp": what format 0 has, and what a producer may send.
inline constexpr std::int64_t kNoTimestamp = -1;
inline constexpr std::int32_t kNoSequence = -1;

inline constexpr std::int8_t kMagicV0 = 0;
inline constexpr std::int8_t kMagicV1 = 1;
inline constexpr std::int8_t kMagicV2 = 2;

/// Offset (8) and length (4) stand before every batch and every old message.
inline constexpr std::size_t kLogOverhead = 12;
/// The header of a v2 batch with its log overhead: records begin here.
inline constexpr std::size_t kBatchHeaderSize = 61;
/// What to read at a file position so that any batch's header can be parsed.
inline constexpr std::size_t kHeaderScanSize = kBatchHeaderSize;
/// An old message with null key and null value, with its log overhead.
inline constexpr std::size_t kMinMessageSizeV0 = kLogOverhead + 14;
inline constexpr std::size_t kMinMessageSizeV1 = kLogOverhead + 22;

}  // namespace ottla::record
