#pragma once

#include <chrono>
#include <optional>

namespace ottla::metrics {

/// How fast a growing total grows, between two looks: over the last whole second or more.
/// Thread: one at a time.
class Rate {
 public:
  /// Seconds of any clock that only goes forward. 0 at the first look.
  [[nodiscard]] double of(double total, double now_seconds) {
    if (!last_) {
      last_ = Look{total, now_seconds};
    } else if (now_seconds - last_->at >= kLeastSeconds) {
      shown_ = (total - last_->total) / (now_seconds - last_->at);
      last_ = Look{total, now_seconds};
    }
    return shown_;
  }

 private:
  static constexpr double kLeastSeconds = 1;
  struct Look {
    double total;
    double at;
  };
  std::optional<Look> last_;
  double shown_ = 0;
};

}  // namespace ottla::metrics
