#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/record/compression.h"
#include "common/record/format.h"

namespace ottla::record {

/// Where encoded records are pulled from: plain bytes in place, or a window over what a
/// Decompressor yields. Both look the same to the decoders above; plain bytes cost no allocation
/// and no copy. The steps answer false instead of a Result, as they are taken several times per
/// record; `failure` then tells why: InvalidRecord when the input ends too early or a varint is
/// malformed, MessageTooLarge at the window limit, otherwise what the Decompressor said.
///
/// Thread: one.
class RecordInput {
 public:
  /// No more than `window_limit` decompressed bytes are held at once. Errors: UnknownServerError
  /// for a codec that does not exist, or a damaged start.
  [[nodiscard]] static Result<RecordInput> open(Codec codec, ByteView bytes,
                                                std::size_t window_limit);

  [[nodiscard]] bool varint(std::int32_t& value) {
    if (at_ != end_ && *at_ < std::byte{0x80}) {
      const auto raw = static_cast<std::uint32_t>(*at_++);
      value = static_cast<std::int32_t>((raw >> 1) ^ (0U - (raw & 1U)));
      return true;
    }
    return long_varint(value);
  }
  [[nodiscard]] bool varlong(std::int64_t& value) {
    std::uint64_t raw = 0;
    if (at_ != end_ && *at_ < std::byte{0x80}) {
      raw = static_cast<std::uint64_t>(*at_++);
    } else if (!unsigned_varint(raw, 10)) {
      return false;
    }
    value = static_cast<std::int64_t>((raw >> 1) ^ (std::uint64_t{0} - (raw & 1U)));
    return true;
  }
  [[nodiscard]] bool skip(std::uint64_t count) {
    if (count <= held()) {
      at_ += count;
      return true;
    }
    return skip_beyond(count);
  }
  /// `count` bytes in one piece, valid until the next step.
  [[nodiscard]] bool take(std::size_t count, ByteView& bytes);
  /// Whether nothing is left; true as well when the input is damaged, which `failure` then tells.
  [[nodiscard]] bool at_end();

  /// Bytes taken since the start.
  [[nodiscard]] std::uint64_t position() const {
    return taken_before_ + static_cast<std::uint64_t>(at_ - start_);
  }
  /// None as long as no step failed.
  [[nodiscard]] ErrorCode failure() const { return failure_; }

 private:
  RecordInput() = default;

  [[nodiscard]] std::size_t held() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] bool long_varint(std::int32_t& value);
  [[nodiscard]] bool unsigned_varint(std::uint64_t& raw, int max_bytes);
  [[nodiscard]] bool skip_beyond(std::uint64_t count);
  /// Tries to hold `count` bytes; fewer are held only at the end of the input. False on damage.
  [[nodiscard]] bool fill(std::size_t count);
  bool fail_with(ErrorCode code) {
    if (failure_ == ErrorCode::None) failure_ = code;
    return false;
  }

  std::unique_ptr<Decompressor> source_;
  std::unique_ptr<Buffer> window_;
  std::size_t window_limit_ = 0;
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  const std::byte* start_ = nullptr;
  std::uint64_t taken_before_ = 0;
  ErrorCode failure_ = ErrorCode::None;
  bool exhausted_ = true;
};

}  // namespace ottla::record
