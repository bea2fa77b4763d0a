#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/id.h"
#include "common/env/random.h"

namespace ottla::storage {

/// The newest offset of each key, in a fixed amount of memory: 24 bytes a key, of which 16 are a
/// hash. Keys are not kept, so two keys with one hash would be one: the hash is SipHash-2-4 of 128
/// bits under a random secret, which no producer can aim at. Memory is touched as it fills.
/// Thread: one.
class OffsetMap {
 public:
  static constexpr std::size_t kBytesPerKey = 24;

  /// `load_factor` is how full the table may get.
  OffsetMap(std::size_t memory_bytes, double load_factor, env::Random& secret);

  /// False if a new key does not fit any more. Offsets must rise.
  bool put(ByteView key, Offset offset);
  /// -1 for a key that is not there.
  [[nodiscard]] Offset get(ByteView key) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  /// Part of the slots that is in use, 0 to 1.
  [[nodiscard]] double utilization() const {
    return static_cast<double>(size_) / static_cast<double>(slot_count_);
  }
  void clear();

 private:
  struct Slot {
    std::uint64_t hash_low;
    std::uint64_t hash_high;
    std::int64_t offset_plus_1;  ///< 0: free.
  };
  static_assert(sizeof(Slot) == kBytesPerKey);
  struct Free {
    void operator()(Slot* slots) const { std::free(slots); }
  };

  [[nodiscard]] Slot& find(ByteView key, std::uint64_t& low, std::uint64_t& high) const;

  const std::size_t slot_count_;
  const std::size_t capacity_;
  const std::uint64_t secret_low_;
  const std::uint64_t secret_high_;
  std::unique_ptr<Slot[], Free> slots_;
  std::size_t size_ = 0;
};

/// SipHash-2-4 with 128 bits (Aumasson and Bernstein).
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};
[[nodiscard]] Hash128 sip_hash_128(std::uint64_t secret_low, std::uint64_t secret_high,
                                   ByteView bytes);

}  // namespace ottla::storage
