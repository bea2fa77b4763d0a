#pragma once

#include <chrono>
#include <cstdint>

namespace ottla::cli {

/// Holds a sender back to a rate.
class SendPace {
 public:
  using Clock = std::chrono::steady_clock;

  /// A rate that is not positive is no limit.
  SendPace(double per_second, Clock::time_point start) : per_second_(per_second), start_(start) {}

  /// When record number `sent` may go.
  [[nodiscard]] Clock::time_point due(std::uint64_t sent) const {
    if (per_second_ <= 0) return start_;
    return start_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(sent) / per_second_));
  }

 private:
  const double per_second_;
  const Clock::time_point start_;
};

}  // namespace ottla::cli
