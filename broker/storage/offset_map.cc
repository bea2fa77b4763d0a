#include "broker/storage/offset_map.h"

#include <glog/logging.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace ottla::storage {
namespace {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
  [[nodiscard]] std::uint64_t digest() const { return v0 ^ v1 ^ v2 ^ v3; }
};

std::uint64_t little_endian(const std::byte* at, std::size_t count) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) {
    word |= std::to_integer<std::uint64_t>(at[i]) << (8 * i);
  }
  return word;
}

}  // namespace

Hash128 sip_hash_128(std::uint64_t secret_low, std::uint64_t secret_high, ByteView bytes) {
  SipState state{secret_low ^ 0x736f6d6570736575ULL, secret_high ^ 0x646f72616e646f6dULL ^ 0xee,
                 secret_low ^ 0x6c7967656e657261ULL, secret_high ^ 0x7465646279746573ULL};
  const auto take = [&state](std::uint64_t word) {
    state.v3 ^= word;
    state.rounds(2);
    state.v0 ^= word;
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) take(little_endian(bytes.data() + at, 8));
  take(little_endian(bytes.data() + at, bytes.size() - at) | (std::uint64_t{bytes.size()} << 56));
  state.v2 ^= 0xee;
  state.rounds(4);
  Hash128 hash;
  hash.low = state.digest();
  state.v1 ^= 0xdd;
  state.rounds(4);
  hash.high = state.digest();
  return hash;
}

OffsetMap::OffsetMap(std::size_t memory_bytes, double load_factor, env::Random& secret)
    : slot_count_(std::max<std::size_t>(memory_bytes / kBytesPerKey, 2)),
      // One slot stays free, so that every search ends.
      capacity_(std::clamp<std::size_t>(
          static_cast<std::size_t>(static_cast<double>(slot_count_) * load_factor), 1,
          slot_count_ - 1)),
      secret_low_(secret.next()),
      secret_high_(secret.next()) {
  clear();
}

void OffsetMap::clear() {
  if (slots_ && size_ == 0) return;
  // Fresh pages of the kernel's are zero, and cost nothing until they are written.
  slots_.reset();
  slots_.reset(static_cast<Slot*>(std::calloc(slot_count_, sizeof(Slot))));
  CHECK(slots_ != nullptr) << "no memory for the cleaner's table of keys";
  size_ = 0;
}

OffsetMap::Slot& OffsetMap::find(ByteView key, std::uint64_t& low, std::uint64_t& high) const {
  const Hash128 hash = sip_hash_128(secret_low_, secret_high_, key);
  low = hash.low;
  high = hash.high;
  std::size_t at = low % slot_count_;
  while (true) {
    Slot& slot = slots_[at];
    if (slot.offset_plus_1 == 0 || (slot.hash_low == low && slot.hash_high == high)) return slot;
    if (++at == slot_count_) at = 0;
  }
}

bool OffsetMap::put(ByteView key, Offset offset) {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  Slot& slot = find(key, low, high);
  if (slot.offset_plus_1 == 0) {
    if (size_ >= capacity_) return false;
    ++size_;
    slot.hash_low = low;
    slot.hash_high = high;
  }
  slot.offset_plus_1 = offset.value() + 1;
  return true;
}

Offset OffsetMap::get(ByteView key) const {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  return Offset(find(key, low, high).offset_plus_1 - 1);
}

}  // namespace ottla::storage
