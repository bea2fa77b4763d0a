#include "common/record/compression.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/record/codecs.h"

namespace ottla::record {

Result<std::unique_ptr<Decompressor>> Decompressor::open(Codec codec, ByteView compressed,
                                                         Lz4Header lz4) {
  switch (codec) {
    case Codec::Gzip:
      return open_gzip(compressed);
    case Codec::Snappy:
      return open_snappy(compressed);
    case Codec::Lz4:
      return open_lz4(compressed, lz4);
    case Codec::Zstd:
      return open_zstd(compressed);
    case Codec::None:
      break;
  }
  return fail(ErrorCode::UnknownServerError,
              "no such compression codec: " + std::to_string(static_cast<int>(codec)) +
                  " (1 gzip, 2 snappy, 3 lz4, 4 zstd)");
}

Result<SharedBuffer> decompress(Codec codec, ByteView compressed, std::size_t limit,
                                Lz4Header lz4) {
  OTTLA_TRY(const auto source, Decompressor::open(codec, compressed, lz4));
  constexpr std::size_t kFirstRoom = std::size_t{16} << 10;
  GrowingBuffer plain(std::min(limit, std::max(kFirstRoom, compressed.size() * 2)) + 1);
  while (true) {
    MutableByteView room = plain.room(1);
    // One byte more than allowed is asked for, to tell "exactly full" from "too much".
    room = room.first(std::min(room.size(), limit + 1 - plain.size()));
    OTTLA_TRY(const std::size_t got, source->read(room));
    if (got == 0) return plain.take();
    plain.commit(got);
    if (plain.size() > limit) {
      return fail(ErrorCode::MessageTooLarge, "compressed data holds more than the limit of " +
                                                  std::to_string(limit) + " bytes");
    }
  }
}

Result<void> compress(Codec codec, std::optional<int> level, ByteView plain, GrowingBuffer& out,
                      Lz4Header lz4) {
  switch (codec) {
    case Codec::None:
      out.append(plain);
      return {};
    case Codec::Gzip:
      return compress_gzip(level, plain, out);
    case Codec::Snappy:
      compress_snappy(plain, out);
      return {};
    case Codec::Lz4:
      return compress_lz4(level, plain, out, lz4);
    case Codec::Zstd:
      return compress_zstd(level, plain, out);
  }
  return fail(ErrorCode::UnknownServerError);
}

}  // namespace ottla::record
