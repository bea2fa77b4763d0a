#pragma once

#include <cstdint>

#include "common/env/clock.h"

namespace ottla::quota {

/// How much may pass at a rate that may change at any time. What passes may be more than there is:
/// the debt is then waited off, so that over time the rate holds however large the pieces are.
/// Pure: the caller brings the time. Thread: the caller's.
class TokenBucket {
 public:
  /// Unused tokens of this much time are kept.
  static constexpr env::Duration kBurst = std::chrono::milliseconds(250);
  /// The longest wait that is told: a rate of 0, or a small one with a large debt.
  static constexpr env::Duration kLongestDelay = std::chrono::hours(1);

  /// Tokens that are there now; negative after more has passed than there was.
  [[nodiscard]] double tokens(double rate, env::MonotonicTime now);
  /// How long until something may pass: zero when there are tokens.
  [[nodiscard]] env::Duration delay(double rate, env::MonotonicTime now);
  void take(double amount, double rate, env::MonotonicTime now);

 private:
  void refill(double rate, env::MonotonicTime now);

  double tokens_ = 0;
  bool begun_ = false;
  env::MonotonicTime filled_at_{};
};

/// The mean rate of the last seconds, in steps of a second, as Kafka's quota metrics have it.
class SampledRate {
 public:
  static constexpr std::int64_t kSamples = 11;  ///< replication.quota.window.num

  void record(double amount, env::MonotonicTime now);
  /// A second.
  [[nodiscard]] double rate(env::MonotonicTime now);

 private:
  void forget_old(env::MonotonicTime now);

  double samples_[kSamples] = {};
  std::int64_t newest_ = 0;  ///< The second of the newest sample.
};

}  // namespace ottla::quota
