#pragma once

#include <algorithm>
#include <chrono>

#include "common/env/clock.h"

namespace ottla::testing {

/// Stands still until a test moves it; the wall clock goes with it.
class ManualClock final : public env::Clock {
 public:
  [[nodiscard]] env::MonotonicTime now() const override { return now_; }
  [[nodiscard]] env::WallTimeMs wall_now_ms() const override {
    constexpr env::WallTimeMs kStart = 1'700'000'000'000;
    return kStart +
           std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count();
  }
  void advance(env::Duration by) { now_ += by; }
  /// Never back.
  void advance_to(env::MonotonicTime to) { now_ = std::max(now_, to); }

 private:
  env::MonotonicTime now_{std::chrono::hours(1)};
};

}  // namespace ottla::testing
