#pragma once

#include "common/env/clock.h"

namespace ottla::storage {

/// Whether one log dir is slow, from how its probes go (W10, KIP-501). No clock of its own.
///
///     Well --slow operations, `patience` more of them than of quick time--> Slow
///     Slow --not one slow operation for `recovery`------------------------> Well
///
/// The way back is longer than the way there, so that a disk at the border moves no leader to and
/// fro.
class DiskPace {
 public:
  struct Limits {
    env::Duration patience = std::chrono::seconds(5);
    env::Duration recovery = std::chrono::seconds(60);
  };
  explicit DiskPace(Limits limits) : limits_(limits) {}

  [[nodiscard]] bool is_slow() const { return is_slow_; }

  /// So much time has passed inside of a slow operation.
  void on_slow(env::Duration passed);
  /// So much time has passed without one.
  void on_quick(env::Duration passed);

 private:
  const Limits limits_;
  bool is_slow_ = false;
  env::Duration level_{};      ///< Slow time, less the quick time since; at most `patience`.
  env::Duration quick_for_{};  ///< Since the last slow operation.
};

}  // namespace ottla::storage
