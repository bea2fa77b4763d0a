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
constexpr std::byte kHasContentChecksum{0x04};
constexpr std::byte kReservedFlags{0x03};
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

/// Magic, flags, block descriptor, content size if there, checksum.
std::size_t header_size(std::byte flags) {
  return kMagicSize + 3 + ((flags & kHasContentSize) != std::byte{0} ? 8 : 0);
}

std::byte header_checksum(ByteView checked) {
  return static_cast<std::byte>((xxhash32(checked) >> 8) & 0xff);
}

/// Decodes one frame. Its header is replaced by one without content size and content checksum:
/// Kafka reads past both without looking, and the library would refuse what they contradict.
class Lz4Decompressor final : public Decompressor {
 public:
  Lz4Decompressor(DecompressionContext context, ByteView compressed)
      : context_(std::move(context)), flags_(compressed[kMagicSize]) {
    std::memcpy(header_.data(), compressed.data(), kMagicSize);
    header_[kMagicSize] = flags_ & ~(kHasContentSize | kHasContentChecksum);
    header_[kMagicSize + 1] = compressed[kMagicSize + 1];
    header_.back() = header_checksum(ByteView(header_).subspan(kMagicSize, 2));
    header_rest_ = header_;
    rest_ = compressed.subspan(header_size(flags_));
  }
  ~Lz4Decompressor() override {
    LZ4F_resetDecompressionContext(context_.get());
    if (!spare_context) spare_context = std::move(context_);
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
        const bool checksum = (flags_ & kHasContentChecksum) != std::byte{0};
        if (checksum && rest_.size() < sizeof(std::uint32_t)) return damaged();
      } else if (stuck) {
        return damaged();
      }
    }
    return filled;
  }

 private:
  static tl::unexpected<Error> damaged() {
    return fail(kDamagedData, "lz4 data is damaged or cut off");
  }

  DecompressionContext context_;
  std::byte flags_;
  ByteView rest_;
  std::array<std::byte, kMagicSize + 3> header_{};
  ByteView header_rest_;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> open_lz4(ByteView compressed, Lz4Header header) {
  if (compressed.size() <= kMagicSize || compressed.size() < header_size(compressed[kMagicSize])) {
    return fail(kDamagedData, "lz4 data is cut off in its header");
  }
  const std::byte flags = compressed[kMagicSize];
  if ((flags & kBlocksIndependent) == std::byte{0} || (flags & kReservedFlags) != std::byte{0}) {
    return fail(kDamagedData, "lz4 frame with dependent blocks, a dictionary, or an unknown flag");
  }
  const std::size_t checksum_at = header_size(flags) - 1;
  if (header == Lz4Header::Standard &&
      compressed[checksum_at] !=
          header_checksum(compressed.subspan(kMagicSize, checksum_at - kMagicSize))) {
    return fail(kDamagedData, "lz4 frame with a wrong header checksum");
  }
  DecompressionContext context = std::move(spare_context);
  if (!context) {
    LZ4F_dctx* fresh = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&fresh, LZ4F_VERSION)) != 0) {
      return fail(ErrorCode::UnknownServerError);
    }
    context.reset(fresh);
  }
  return std::make_unique<Lz4Decompressor>(std::move(context), compressed);
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
