#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ottla::metrics {

/// The distribution of non-negative numbers, in buckets that are at most an eighth of their value
/// wide. Thread: any; recording is three relaxed additions, without a lock.
class Histogram {
 public:
  /// Negative values count as 0. Above 2^40, everything falls into the last bucket.
  void record(std::int64_t value) {
    const std::uint64_t number = value < 0 ? 0 : static_cast<std::uint64_t>(value);
    buckets_[bucket_of(number)].fetch_add(1, std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(static_cast<std::int64_t>(number), std::memory_order_relaxed);
  }

  [[nodiscard]] std::int64_t count() const { return count_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t sum() const { return sum_.load(std::memory_order_relaxed); }

  static constexpr std::size_t kSubBuckets = 8;
  static constexpr std::size_t kPowers = 38;
  static constexpr std::size_t kBuckets = kSubBuckets * kPowers;
  using Counts = std::array<std::uint32_t, kBuckets>;

  /// All buckets since the beginning; they wrap around, so only differences are to be used.
  [[nodiscard]] Counts counts() const;

  /// Values below 8 have a bucket each; then every power of two has eight.
  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value) {
    if (value < kSubBuckets) return static_cast<std::size_t>(value);
    const auto power = static_cast<std::size_t>(std::bit_width(value)) - 4;  // 8..15 is 0
    const std::size_t bucket =
        (power + 1) * kSubBuckets + static_cast<std::size_t>((value >> power) & (kSubBuckets - 1));
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  /// The largest value of a bucket.
  [[nodiscard]] static constexpr std::uint64_t highest_of(std::size_t bucket) {
    if (bucket < kSubBuckets) return bucket;
    const std::size_t power = bucket / kSubBuckets - 1;
    return ((std::uint64_t{kSubBuckets} + bucket % kSubBuckets + 1) << power) - 1;
  }

 private:
  std::array<std::atomic<std::uint32_t>, kBuckets> buckets_{};
  std::atomic<std::int64_t> count_{0};
  std::atomic<std::int64_t> sum_{0};
};

/// The smallest bucket bound that at least this part (0 to 1) of the values does not exceed; 0 if
/// there are none.
[[nodiscard]] std::uint64_t quantile(const Histogram::Counts& counts, double part);

}  // namespace ottla::metrics
