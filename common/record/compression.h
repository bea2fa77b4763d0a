#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/record/format.h"
#include "common/record/growing_buffer.h"

namespace ottla::record {

/// lz4 frames inside format 0 messages carry a header checksum that also covers the magic number: a
/// mistake of 0.8.2's that became the format. Readers of format 0 accept both.
enum class Lz4Header : std::uint8_t { Standard, FormatV0 };

/// Decompresses piece by piece, so that memory follows the bytes that really come out and never a
/// length that the input claims. Reads gzip (also several members), snappy (Java framing and raw),
/// lz4 frames, zstd frames. What counts as damaged is what Kafka 3.9 refuses (observed): lz4
/// needs independent blocks and one frame, its content checksum is not verified; garbage behind
/// gzip and lz4 data is ignored. Damage is UnknownServerError, as Kafka answers it. The input must
/// outlive this.
///
/// Thread: one.
class Decompressor {
 public:
  /// Errors: UnknownServerError for a codec number that does not exist.
  [[nodiscard]] static Result<std::unique_ptr<Decompressor>> open(
      Codec codec, ByteView compressed, Lz4Header lz4 = Lz4Header::Standard);

  virtual ~Decompressor() = default;
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  /// Fills `out` from the start; returns how much, and 0 only at the end of the data (or for an
  /// empty `out`). Errors: UnknownServerError.
  [[nodiscard]] virtual Result<std::size_t> read(MutableByteView out) = 0;

 protected:
  Decompressor() = default;
};

/// Decompresses the whole of `compressed`. Errors: UnknownServerError; MessageTooLarge when more
/// than `limit` bytes come out.
[[nodiscard]] Result<SharedBuffer> decompress(Codec codec, ByteView compressed, std::size_t limit,
                                              Lz4Header lz4 = Lz4Header::Standard);

/// Appends the compressed form of `plain` to `out`, as Kafka's clients write it: snappy in the Java
/// framing, lz4 frames of independent 64 KiB blocks. `level` is compression.{gzip,lz4,zstd}.level,
/// of which nullopt is the default; ignored for snappy. Errors: UnknownServerError.
[[nodiscard]] Result<void> compress(Codec codec, std::optional<int> level, ByteView plain,
                                    GrowingBuffer& out, Lz4Header lz4 = Lz4Header::Standard);

}  // namespace ottla::record
