#include "common/record/xxhash32.h"

#include <array>
#include <bit>
#include <cstring>

namespace ottla::record {
namespace {

constexpr std::uint32_t kPrime1 = 0x9E3779B1U;
constexpr std::uint32_t kPrime2 = 0x85EBCA77U;
constexpr std::uint32_t kPrime3 = 0xC2B2AE3DU;
constexpr std::uint32_t kPrime4 = 0x27D4EB2FU;
constexpr std::uint32_t kPrime5 = 0x165667B1U;

std::uint32_t little_endian(const std::byte* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

std::uint32_t xxhash32(ByteView bytes) {
  const std::byte* at = bytes.data();
  const std::byte* const end = at + bytes.size();
  std::uint32_t hash = kPrime5;
  if (bytes.size() >= 16) {
    std::array<std::uint32_t, 4> lanes{kPrime1 + kPrime2, kPrime2, 0, 0U - kPrime1};
    while (end - at >= 16) {
      for (std::uint32_t& lane : lanes) {
        lane = std::rotl(lane + little_endian(at) * kPrime2, 13) * kPrime1;
        at += 4;
      }
    }
    hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
           std::rotl(lanes[3], 18);
  }
  hash += static_cast<std::uint32_t>(bytes.size());
  for (; end - at >= 4; at += 4) {
    hash = std::rotl(hash + little_endian(at) * kPrime3, 17) * kPrime4;
  }
  for (; at != end; ++at) {
    hash = std::rotl(hash + static_cast<std::uint32_t>(*at) * kPrime5, 11) * kPrime1;
  }
  hash = (hash ^ (hash >> 15)) * kPrime2;
  hash = (hash ^ (hash >> 13)) * kPrime3;
  return hash ^ (hash >> 16);
}

}  // namespace ottla::record
