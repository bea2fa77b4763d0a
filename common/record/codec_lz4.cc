#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include <lz4frame.h>
#include <lz4hc.h>

#include "common/record/codecs.h"
#include "common/record/xxhash32.h"

namespace ottla::record {
namespace {

constexpr std::size_t kMagicSize = 4;
constexpr std::byte kBlocksIndependent{0x20};
constexpr std::byte kHasContentSize{0x08};
constexpr std::byte kHasDictionary{0x01};
/// compression.lz4.level: its default means the fast compressor, other levels the thorough one.
constexpr int kDefaultLevel = 9;

struct FreeDecompression {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};
using DecompressionContext = std::unique_ptr<LZ4F_dctx, FreeDecompression>;
thread_local DecompressionContext spare_context;

struct FreeCompression {
  void operator()(LZ4F_cctx* context) const { LZ4F_freeCompressionContext(context); }
};
using CompressionContext = std::unique_ptr<LZ4F_cctx, FreeCompression>;
thread_local CompressionContext spare_compression;

/// Magic, flags, block descriptor, optional size and dictionary, checksum: 7 to 19 bytes.
std::size_t header_size(std::byte flags) {
  return kMagicSize + 3 + ((flags & kHasContentSize) != std::byte{0} ? 8 : 0) +
         ((flags & kHasDictionary) != std::byte{0} ? 4 : 0);
}

std::byte header_checksum(ByteView checked) {
  return static_cast<std::byte>((xxhash32(checked) >> 8) & 0xff);
}

class Lz4Decompressor final : public Decompressor {
 public:
  Lz4Decompressor(DecompressionContext context, ByteView compressed)
      : context_(std::move(context)), rest_(compressed) {}
  ~Lz4Decompressor() override {
    LZ4F_resetDecompressionContext(context_.get());
    if (!spare_context) spare_context = std::move(context_);
  }

  /// The header with its checksum put right: format 0 has a wrong one, which nobody checks.
  void replace_header(std::size_t size) {
    std::memcpy(header_.data(), rest_.data(), size);
    header_[size - 1] =
        header_checksum(ByteView(header_).subspan(kMagicSize, size - kMagicSize - 1));
    rest_ = rest_.subspan(size);
    header_rest_ = ByteView(header_).first(size);
  }

  Result<std::size_t> read(MutableByteView out) override {
    std::size_t filled = 0;
    while (!finished_ && filled < out.size()) {
      ByteView& input = header_rest_.empty() ? rest_ : header_rest_;
      std::size_t produced = out.size() - filled;
      std::size_t consumed = input.size();
      const std::size_t hint = LZ4F_decompress(context_.get(), out.data() + filled, &produced,
                                               input.data(), &consumed, nullptr);
      if (LZ4F_isError(hint) != 0) return damaged();
      const bool stuck = produced == 0 && consumed == 0;
      input = input.subspan(consumed);
      filled += produced;
      if (hint == 0) {
        finished_ = true;  // one frame: what follows is ignored, as Kafka does
      } else if (stuck) {
        return damaged();
      }
    }
    return filled;
  }

 private:
  static tl::unexpected<Error> damaged() {
    return fail(ErrorCode::CorruptMessage, "lz4 data is damaged or cut off");
  }

  DecompressionContext context_;
  ByteView rest_;
  std::array<std::byte, 19> header_{};
  ByteView header_rest_;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> open_lz4(ByteView compressed, Lz4Header header) {
  if (compressed.size() <= kMagicSize) {
    return fail(ErrorCode::CorruptMessage, "lz4 data is cut off in its header");
  }
  const std::byte flags = compressed[kMagicSize];
  const std::size_t size = header_size(flags);
  if (compressed.size() < size) {
    return fail(ErrorCode::CorruptMessage, "lz4 data is cut off in its header");
  }
  if ((flags & kBlocksIndependent) == std::byte{0}) {
    // Kafka's own reader cannot do it, so what we took its consumers could not read.
    return fail(ErrorCode::CorruptMessage, "lz4 frame with dependent blocks");
  }
  DecompressionContext context = std::move(spare_context);
  if (!context) {
    LZ4F_dctx* fresh = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&fresh, LZ4F_VERSION)) != 0) {
      return fail(ErrorCode::UnknownServerError);
    }
    context.reset(fresh);
  }
  auto decompressor = std::make_unique<Lz4Decompressor>(std::move(context), compressed);
  if (header == Lz4Header::FormatV0) decompressor->replace_header(size);
  return decompressor;
}

Result<void> compress_lz4(std::optional<int> level, ByteView plain, GrowingBuffer& out,
                          Lz4Header header) {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.autoFlush = 1;
  const int wanted = level.value_or(kDefaultLevel);
  preferences.compressionLevel =
      wanted == kDefaultLevel ? 0 : std::clamp(wanted, 3, LZ4HC_CLEVEL_MAX);

  CompressionContext context = std::move(spare_compression);
  if (!context) {
    LZ4F_cctx* fresh = nullptr;
    if (LZ4F_isError(LZ4F_createCompressionContext(&fresh, LZ4F_VERSION)) != 0) {
      return fail(ErrorCode::UnknownServerError);
    }
    context.reset(fresh);
  }
  const std::size_t start = out.size();
  const auto step = [&](std::size_t room_needed, auto&& write) {
    MutableByteView room = out.room(room_needed);
    const std::size_t written = write(room);
    if (LZ4F_isError(written) != 0) return false;
    out.commit(written);
    return true;
  };
  const bool written =
      step(LZ4F_HEADER_SIZE_MAX,
           [&](MutableByteView room) {
             return LZ4F_compressBegin(context.get(), room.data(), room.size(), &preferences);
           }) &&
      step(LZ4F_compressBound(plain.size(), &preferences),
           [&](MutableByteView room) {
             return LZ4F_compressUpdate(context.get(), room.data(), room.size(), plain.data(),
                                        plain.size(), nullptr);
           }) &&
      step(LZ4F_compressBound(0, &preferences), [&](MutableByteView room) {
        return LZ4F_compressEnd(context.get(), room.data(), room.size(), nullptr);
      });
  if (!written) {
    out.shrink(start);
    return fail(ErrorCode::UnknownServerError, "lz4 failed");
  }
  spare_compression = std::move(context);
  if (header == Lz4Header::FormatV0) {
    const std::size_t size = header_size(out.bytes()[start + kMagicSize]);
    out.bytes()[start + size - 1] = header_checksum(out.bytes().subspan(start, size - 1));
  }
  return {};
}

}  // namespace ottla::record
