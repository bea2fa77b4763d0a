#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace ottla::env {

using Duration = std::chrono::nanoseconds;

/// A point on the monotonic clock: only differences mean something.
using MonotonicTime = std::chrono::time_point<struct MonotonicClock, Duration>;

/// Milliseconds since 1970 UTC, as Kafka writes timestamps. May jump.
using WallTimeMs = std::int64_t;

/// Thread: any.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual MonotonicTime now() const = 0;
  [[nodiscard]] virtual WallTimeMs wall_now_ms() const = 0;
};

/// The process's real clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] MonotonicTime now() const override;
  [[nodiscard]] WallTimeMs wall_now_ms() const override;
};

}  // namespace ottla::env
