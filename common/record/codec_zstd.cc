#include <string>
#include <utility>

#include <zstd.h>

#include "common/record/codecs.h"

namespace ottla::record {
namespace {

struct FreeDecompression {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using DecompressionContext = std::unique_ptr<ZSTD_DCtx, FreeDecompression>;
thread_local DecompressionContext spare_decompression;

struct FreeCompression {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using CompressionContext = std::unique_ptr<ZSTD_CCtx, FreeCompression>;
thread_local CompressionContext spare_compression;

/// A context that has grown beyond this (a frame with a wide window) is not kept.
constexpr std::size_t kKeptContextSize = std::size_t{4} << 20;

class ZstdDecompressor final : public Decompressor {
 public:
  ZstdDecompressor(DecompressionContext context, ByteView compressed)
      : context_(std::move(context)), input_{compressed.data(), compressed.size(), 0} {}
  ~ZstdDecompressor() override {
    if (!spare_decompression && ZSTD_sizeof_DCtx(context_.get()) <= kKeptContextSize) {
      spare_decompression = std::move(context_);
    }
  }

  Result<std::size_t> read(MutableByteView out) override {
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    while (output.pos < output.size) {
      if (input_.pos == input_.size && at_frame_end_) break;
      const std::size_t consumed = input_.pos;
      const std::size_t produced = output.pos;
      const std::size_t hint = ZSTD_decompressStream(context_.get(), &output, &input_);
      if (ZSTD_isError(hint) != 0) return damaged();
      at_frame_end_ = hint == 0;
      if (!at_frame_end_ && input_.pos == consumed && output.pos == produced) return damaged();
    }
    return output.pos;
  }

 private:
  static tl::unexpected<Error> damaged() {
    return fail(kDamagedData, "zstd data is damaged or cut off");
  }

  DecompressionContext context_;
  ZSTD_inBuffer input_;
  bool at_frame_end_ = true;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> open_zstd(ByteView compressed) {
  DecompressionContext context = std::move(spare_decompression);
  if (!context) context.reset(ZSTD_createDCtx());
  if (!context) return fail(ErrorCode::UnknownServerError);
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  return std::make_unique<ZstdDecompressor>(std::move(context), compressed);
}

Result<void> compress_zstd(std::optional<int> level, ByteView plain, GrowingBuffer& out) {
  CompressionContext context = std::move(spare_compression);
  if (!context) context.reset(ZSTD_createCCtx());
  if (!context) return fail(ErrorCode::UnknownServerError);
  MutableByteView room = out.room(ZSTD_compressBound(plain.size()));
  const std::size_t size = ZSTD_compressCCtx(context.get(), room.data(), room.size(), plain.data(),
                                             plain.size(), level.value_or(ZSTD_CLEVEL_DEFAULT));
  if (ZSTD_isError(size) != 0) return fail(ErrorCode::UnknownServerError, ZSTD_getErrorName(size));
  out.commit(size);
  if (ZSTD_sizeof_CCtx(context.get()) <= kKeptContextSize) spare_compression = std::move(context);
  return {};
}

}  // namespace ottla::record
