#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/record/compression.h"
#include "common/record/growing_buffer.h"

namespace ottla::record {

/// Where encoded records are pulled from: plain bytes in place, or a window over what a
/// Decompressor yields. Both look the same to the decoders above; plain bytes cost no allocation
/// and no copy.
///
/// Thread: one.
class RecordInput {
 public:
  /// Plain bytes.
  explicit RecordInput(ByteView plain)
      : at_(plain.data()), end_(plain.data() + plain.size()), start_(at_) {}
  /// Decompressed bytes; no more than `window_limit` of them are held at once.
  RecordInput(std::unique_ptr<Decompressor> source, std::size_t window_limit)
      : source_(std::move(source)), window_limit_(window_limit) {}

  /// Plain, or decompressing, by codec. Errors: UnknownServerError (codec), CorruptMessage.
  [[nodiscard]] static Result<RecordInput> open(Codec codec, ByteView bytes,
                                                std::size_t window_limit);

  /// Bytes taken since the start.
  [[nodiscard]] std::uint64_t position() const {
    return taken_before_ + static_cast<std::uint64_t>(at_ - start_);
  }

  // Each returns an error when the input ends before: InvalidRecord; or is damaged: CorruptMessage.
  [[nodiscard]] Result<std::int32_t> varint();
  [[nodiscard]] Result<std::int64_t> varlong();
  [[nodiscard]] Result<void> skip(std::uint64_t count);
  /// `count` bytes in one piece, valid until the next call. MessageTooLarge above the limit.
  [[nodiscard]] Result<ByteView> take(std::size_t count);
  [[nodiscard]] Result<bool> at_end();

 private:
  [[nodiscard]] std::size_t held() const { return static_cast<std::size_t>(end_ - at_); }
  /// Makes at least `count` bytes available if the input has them; tells whether it has.
  [[nodiscard]] Result<bool> fill(std::size_t count);

  std::unique_ptr<Decompressor> source_;
  std::size_t window_limit_ = 0;
  GrowingBuffer window_;
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  const std::byte* start_ = nullptr;
  std::uint64_t taken_before_ = 0;
  bool exhausted_ = false;
};

}  // namespace ottla::record
