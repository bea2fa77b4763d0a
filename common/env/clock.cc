#include "common/env/clock.h"

namespace ottla::env {

MonotonicTime SystemClock::now() const {
  return MonotonicTime(std::chrono::steady_clock::now().time_since_epoch());
}

WallTimeMs SystemClock::wall_now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace ottla::env
