#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace ottla {

using ByteView = std::span<const std::byte>;
using MutableByteView = std::span<std::byte>;

/// Kafka's wire and disk formats are big-endian throughout.
template <std::integral T>
[[nodiscard]] inline T load_big_endian(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  return value;
}

template <std::integral T>
inline void store_big_endian(std::byte* at, T value) {
  if constexpr (sizeof(T) == 2)
    value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4)
    value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8)
    value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  std::memcpy(at, &value, sizeof value);
}
static_assert(std::endian::native == std::endian::little, "big-endian hosts need plain loads");

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A block of memory of fixed size, not zeroed. Shared by those who still read or send from it:
/// a request's frame lives as long as any record view into it.
class Buffer {
 public:
  explicit Buffer(std::size_t size) : data_(new std::byte[size]), size_(size) {}
  [[nodiscard]] static std::shared_ptr<Buffer> copy_of(ByteView bytes);

  [[nodiscard]] std::byte* data() { return data_.get(); }
  [[nodiscard]] const std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] MutableByteView bytes() { return {data_.get(), size_}; }
  [[nodiscard]] ByteView bytes() const { return {data_.get(), size_}; }
  /// Gives up the bytes behind `size`; the memory stays allocated.
  void shrink(std::size_t size) { size_ = size < size_ ? size : size_; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_;
};
using SharedBuffer = std::shared_ptr<Buffer>;

}  // namespace ottla
