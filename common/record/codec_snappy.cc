#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <snappy.h>

#include "common/record/codecs.h"

namespace ottla::record {
namespace {

/// The framing of snappy-java: this magic, version 1, oldest compatible version 1, then blocks with
/// their compressed length before them.
constexpr std::array<unsigned char, 16> kJavaHeader{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                    0,    0,   0,   1,   0,   0,   0,   1};
constexpr std::size_t kMagicSize = 8;
constexpr std::size_t kBlockSize = std::size_t{32} << 10;
/// A snappy element of 3 bytes yields at most 64: a claimed length above this is a lie.
constexpr std::size_t kMaxExpansion = 22;

const char* chars(ByteView bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}

bool has_java_magic(ByteView bytes) {
  return bytes.size() >= kJavaHeader.size() &&
         std::memcmp(bytes.data(), kJavaHeader.data(), kMagicSize) == 0;
}

class SnappyDecompressor final : public Decompressor {
 public:
  explicit SnappyDecompressor(ByteView compressed)
      : rest_(compressed), java_framing_(has_java_magic(compressed)) {}

  Result<std::size_t> read(MutableByteView out) override {
    std::size_t filled = 0;
    while (filled < out.size()) {
      if (!plain_.empty()) {
        const std::size_t step = std::min(plain_.size(), out.size() - filled);
        std::memcpy(out.data() + filled, plain_.data(), step);
        plain_ = plain_.subspan(step);
        filled += step;
        continue;
      }
      OTTLA_TRY(const ByteView block, next_block());
      if (block.empty()) break;
      OTTLA_TRY(const std::size_t written, decompress_block(block, out.subspan(filled)));
      filled += written;
    }
    return filled;
  }

 private:
  static tl::unexpected<Error> damaged() {
    return fail(kDamagedData, "snappy data is damaged or cut off");
  }

  /// The next compressed block; empty at the end.
  Result<ByteView> next_block() {
    if (!java_framing_) return std::exchange(rest_, {});
    // Streams that were put one behind the other begin with a header each.
    while (has_java_magic(rest_)) rest_ = rest_.subspan(kJavaHeader.size());
    if (rest_.size() < 4) return ByteView{};  // Java's reader takes a torn length for the end
    const auto length = load_big_endian<std::int32_t>(rest_.data());
    rest_ = rest_.subspan(4);
    if (length <= 0 || static_cast<std::size_t>(length) > rest_.size()) return damaged();
    const ByteView block = rest_.first(static_cast<std::size_t>(length));
    rest_ = rest_.subspan(block.size());
    return block;
  }

  /// Into `out` if it fits there, else into `plain_`. Returns what went to `out`.
  Result<std::size_t> decompress_block(ByteView block, MutableByteView out) {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(chars(block), block.size(), &size)) return damaged();
    if (size > block.size() * kMaxExpansion) return damaged();
    if (size <= out.size()) {
      if (!snappy::RawUncompress(chars(block), block.size(), reinterpret_cast<char*>(out.data()))) {
        return damaged();
      }
      return size;
    }
    if (!block_ || block_->size() < size) block_ = std::make_unique<Buffer>(size);
    if (!snappy::RawUncompress(chars(block), block.size(),
                               reinterpret_cast<char*>(block_->data()))) {
      return damaged();
    }
    plain_ = ByteView(block_->data(), size);
    return 0;
  }

  ByteView rest_;
  bool java_framing_;
  std::unique_ptr<Buffer> block_;
  ByteView plain_;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> open_snappy(ByteView compressed) {
  if (compressed.empty()) return fail(kDamagedData, "snappy data is empty");
  return std::make_unique<SnappyDecompressor>(compressed);
}

void compress_snappy(ByteView plain, GrowingBuffer& out) {
  out.append(std::as_bytes(std::span(kJavaHeader)));
  while (!plain.empty()) {
    const ByteView block = plain.first(std::min(plain.size(), kBlockSize));
    plain = plain.subspan(block.size());
    MutableByteView room = out.room(4 + snappy::MaxCompressedLength(block.size()));
    std::size_t size = 0;
    snappy::RawCompress(chars(block), block.size(), reinterpret_cast<char*>(room.data() + 4),
                        &size);
    store_big_endian(room.data(), static_cast<std::int32_t>(size));
    out.commit(4 + size);
  }
}

}  // namespace ottla::record
