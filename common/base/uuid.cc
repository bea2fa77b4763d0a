#include "common/base/uuid.h"

namespace ottla {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kBytes = 16;
constexpr std::size_t kTextLength = 22;

}  // namespace

Uuid Uuid::from_random(std::uint64_t high, std::uint64_t low) {
  high = (high & ~0xF000ULL) | 0x4000ULL;
  low = (low & 0x3FFFFFFFFFFFFFFFULL) | 0x8000000000000000ULL;
  return {high, low};
}

Uuid Uuid::load(const std::byte* at) {
  return {load_big_endian<std::uint64_t>(at), load_big_endian<std::uint64_t>(at + 8)};
}

void Uuid::store(std::byte* at) const {
  store_big_endian(at, high_);
  store_big_endian(at + 8, low_);
}

std::optional<Uuid> Uuid::parse(std::string_view base64url) {
  // Some writers keep the padding.
  while (base64url.ends_with('=')) base64url.remove_suffix(1);
  if (base64url.size() != kTextLength) return std::nullopt;
  std::array<std::byte, kBytes + 2> bytes{};
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t out = 0;
  for (const char c : base64url) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[out++] = static_cast<std::byte>((bits >> held) & 0xFF);
    }
  }
  return load(bytes.data());
}

std::string Uuid::to_string() const {
  std::array<std::byte, kBytes> bytes;
  store(bytes.data());
  std::string text;
  text.reserve(kTextLength);
  std::uint32_t bits = 0;
  int held = 0;
  for (const std::byte byte : bytes) {
    bits = (bits << 8) | std::to_integer<std::uint32_t>(byte);
    held += 8;
    while (held >= 6) {
      held -= 6;
      text.push_back(kAlphabet[(bits >> held) & 0x3F]);
    }
  }
  text.push_back(kAlphabet[(bits << (6 - held)) & 0x3F]);
  return text;
}

std::string Uuid::to_hex() const {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::array<std::byte, kBytes> bytes;
  store(bytes.data());
  std::string text;
  for (const std::byte byte : bytes) {
    text.push_back(kHex[std::to_integer<std::size_t>(byte >> 4)]);
    text.push_back(kHex[std::to_integer<std::size_t>(byte & std::byte{0xF})]);
  }
  return text;
}

}  // namespace ottla
