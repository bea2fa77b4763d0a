#pragma once

#include <atomic>
#include <cstdint>

namespace ottla::metrics {

/// A count that only grows. Thread: any; one relaxed addition.
class Counter {
 public:
  void add(std::int64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  // Alone in its cache line: network threads move different counters at once.
  alignas(64) std::atomic<std::int64_t> value_{0};
};

}  // namespace ottla::metrics
