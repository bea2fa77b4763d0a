#pragma once

#include <cstdint>
#include <span>

#include "broker/replica/isr.h"
#include "common/base/id.h"
#include "common/env/clock.h"

namespace ottla::replica {

struct HighWatermarkInputs {
  Offset current;
  Offset leader_end;
  std::span<const FollowerState> followers;  ///< All other replicas of the assignment.
  const Isr& isr;
  std::int32_t min_isr = 1;  ///< effective_min_isr
  env::MonotonicTime now;
  env::Duration max_lag;
};

/// The leader's high watermark: the smallest log end offset of all who are in the ISR or may be
/// (Isr), and of those who are about to join, so that they can. It never moves back, and does not
/// move while the ISR is smaller than min.insync.replicas (KAFKA-15583).
[[nodiscard]] Offset next_high_watermark(const HighWatermarkInputs& inputs);

}  // namespace ottla::replica
