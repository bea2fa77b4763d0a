#pragma once

#include <algorithm>

#include "common/env/clock.h"
#include "common/env/random.h"

namespace ottla::membership {

/// Waits that double from 100 ms to 5 s, each shortened at random by up to half, so that brokers
/// that failed together do not come back together.
class BackOff {
 public:
  explicit BackOff(env::Random& random) : random_(random) {}

  [[nodiscard]] env::Duration next() {
    const env::Duration wait = current_;
    current_ = std::min(current_ * 2, kMax);
    return wait - env::Duration(static_cast<env::Duration::rep>(
                      random_.below(static_cast<std::uint64_t>(wait.count() / 2))));
  }
  void reset() { current_ = kMin; }

 private:
  static constexpr env::Duration kMin = std::chrono::milliseconds(100);
  static constexpr env::Duration kMax = std::chrono::seconds(5);

  env::Random& random_;
  env::Duration current_ = kMin;
};

}  // namespace ottla::membership
