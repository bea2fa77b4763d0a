#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "common/base/bytes.h"

namespace ottla::record {

/// Bytes being written: grows by doubling, is not zeroed, and becomes a Buffer without a copy.
///
/// Thread: one.
class GrowingBuffer {
 public:
  explicit GrowingBuffer(std::size_t reserve = 0) {
    if (reserve > 0) ensure(reserve);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::byte* data() { return buffer_ ? buffer_->data() : nullptr; }
  [[nodiscard]] MutableByteView bytes() { return {data(), size_}; }
  [[nodiscard]] ByteView bytes() const {
    return buffer_ ? ByteView{std::as_const(*buffer_).data(), size_} : ByteView{};
  }

  void append(ByteView bytes) {
    if (bytes.empty()) return;
    std::memcpy(claim(bytes.size()), bytes.data(), bytes.size());
  }
  void append_byte(std::byte value) { *claim(1) = value; }
  template <std::integral T>
  void append_big_endian(T value) {
    store_big_endian(claim(sizeof value), value);
  }
  /// Room for `count` more bytes, counted as written; valid until the next call that appends.
  std::byte* claim(std::size_t count) {
    ensure(count);
    std::byte* at = buffer_->data() + size_;
    size_ += count;
    return at;
  }
  /// Room for at least `count` more bytes, not yet counted; `commit` counts them.
  MutableByteView room(std::size_t count) {
    ensure(count);
    return {buffer_->data() + size_, buffer_->size() - size_};
  }
  void commit(std::size_t count) { size_ += count; }
  /// Forgets what is behind `size`; keeps the memory.
  void shrink(std::size_t size) { size_ = std::min(size_, size); }
  void clear() { size_ = 0; }

  /// The bytes as a Buffer; this one is empty afterwards.
  [[nodiscard]] SharedBuffer take() {
    SharedBuffer taken = buffer_ ? std::move(buffer_) : std::make_shared<Buffer>(0);
    taken->shrink(size_);
    buffer_.reset();
    size_ = 0;
    return taken;
  }

 private:
  void ensure(std::size_t more) {
    const std::size_t capacity = buffer_ ? buffer_->size() : 0;
    if (capacity - size_ >= more) return;
    auto larger = std::make_shared<Buffer>(std::max(size_ + more, capacity * 2));
    if (size_ > 0) std::memcpy(larger->data(), buffer_->data(), size_);
    buffer_ = std::move(larger);
  }

  SharedBuffer buffer_;
  std::size_t size_ = 0;
};

}  // namespace ottla::record
