#include <algorithm>
#include <string>
#include <utility>

#include <zlib.h>

#include "common/record/codecs.h"

namespace ottla::record {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib: a gzip header, not a zlib one
constexpr int kMemoryLevel = 8;
constexpr std::size_t kStep = std::size_t{1} << 30;  // zlib counts in 32 bits

struct InflateEnd {
  void operator()(z_stream* stream) const {
    inflateEnd(stream);
    delete stream;
  }
};
using InflateStream = std::unique_ptr<z_stream, InflateEnd>;

struct DeflateEnd {
  void operator()(z_stream* stream) const {
    deflateEnd(stream);
    delete stream;
  }
};
using DeflateStream = std::unique_ptr<z_stream, DeflateEnd>;

thread_local InflateStream spare_inflate;
thread_local DeflateStream spare_deflate;
thread_local int spare_deflate_level = 0;

Bytef* input_of(ByteView bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

class GzipDecompressor final : public Decompressor {
 public:
  GzipDecompressor(InflateStream stream, ByteView compressed)
      : stream_(std::move(stream)), rest_(compressed) {
    stream_->avail_in = 0;
  }
  ~GzipDecompressor() override {
    if (!spare_inflate) spare_inflate = std::move(stream_);
  }

  Result<std::size_t> read(MutableByteView out) override {
    out = out.first(std::min(out.size(), kStep));
    stream_->next_out = reinterpret_cast<Bytef*>(out.data());
    stream_->avail_out = static_cast<uInt>(out.size());
    while (!finished_ && stream_->avail_out > 0) {
      feed();
      const int status = inflate(stream_.get(), Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        OTTLA_TRY_VOID(next_member());
      } else if (status == Z_DATA_ERROR && later_member_ && stream_->total_out == 0) {
        finished_ = true;  // bytes after the last member are ignored, as Java does
      } else if (status != Z_OK) {
        return fail(kDamagedData, "gzip data is damaged or cut off");
      }
    }
    return out.size() - stream_->avail_out;
  }

 private:
  void feed() {
    if (stream_->avail_in > 0 || rest_.empty()) return;
    const ByteView step = rest_.first(std::min(rest_.size(), kStep));
    stream_->next_in = input_of(step);
    stream_->avail_in = static_cast<uInt>(step.size());
    rest_ = rest_.subspan(step.size());
  }

  Result<void> next_member() {
    feed();
    if (stream_->avail_in == 0) {
      finished_ = true;
      return {};
    }
    later_member_ = true;
    if (inflateReset(stream_.get()) != Z_OK) return fail(ErrorCode::UnknownServerError);
    return {};
  }

  InflateStream stream_;
  ByteView rest_;
  bool finished_ = false;
  bool later_member_ = false;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> open_gzip(ByteView compressed) {
  InflateStream stream = std::move(spare_inflate);
  if (stream) {
    if (inflateReset2(stream.get(), kGzipWindow) != Z_OK) stream.reset();
  }
  if (!stream) {
    auto fresh = std::make_unique<z_stream>();
    if (inflateInit2(fresh.get(), kGzipWindow) != Z_OK) return fail(ErrorCode::UnknownServerError);
    stream.reset(fresh.release());
  }
  return std::make_unique<GzipDecompressor>(std::move(stream), compressed);
}

Result<void> compress_gzip(std::optional<int> level, ByteView plain, GrowingBuffer& out) {
  const int wanted = level.value_or(Z_DEFAULT_COMPRESSION);
  DeflateStream stream = std::move(spare_deflate);
  if (stream && (spare_deflate_level != wanted || deflateReset(stream.get()) != Z_OK)) {
    stream.reset();
  }
  if (!stream) {
    auto fresh = std::make_unique<z_stream>();
    if (deflateInit2(fresh.get(), wanted, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
      return fail(ErrorCode::UnknownServerError,
                  "gzip level " + std::to_string(wanted) + ": must be -1 or 1 to 9");
    }
    stream.reset(fresh.release());
  }
  int status = Z_OK;
  do {
    const ByteView step = plain.first(std::min(plain.size(), kStep));
    plain = plain.subspan(step.size());
    stream->next_in = input_of(step);
    stream->avail_in = static_cast<uInt>(step.size());
    do {
      MutableByteView room = out.room(deflateBound(stream.get(), stream->avail_in) + 32);
      room = room.first(std::min(room.size(), kStep));
      stream->next_out = reinterpret_cast<Bytef*>(room.data());
      stream->avail_out = static_cast<uInt>(room.size());
      status = deflate(stream.get(), plain.empty() ? Z_FINISH : Z_NO_FLUSH);
      out.commit(room.size() - stream->avail_out);
    } while (status == Z_OK && (stream->avail_in > 0 || plain.empty()));
  } while (!plain.empty());
  if (status != Z_STREAM_END) return fail(ErrorCode::UnknownServerError, "gzip failed");
  spare_deflate = std::move(stream);
  spare_deflate_level = wanted;
  return {};
}

}  // namespace ottla::record
