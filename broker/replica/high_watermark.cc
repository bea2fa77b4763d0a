#include "broker/replica/high_watermark.h"

#include <algorithm>

namespace ottla::replica {

Offset next_high_watermark(const HighWatermarkInputs& inputs) {
  if (static_cast<std::int32_t>(inputs.isr.committed().size()) < inputs.min_isr) {
    return inputs.current;
  }
  Offset smallest = inputs.leader_end;
  for (const FollowerState& follower : inputs.followers) {
    const bool about_to_join = follower.subscribed && is_caught_up(follower, inputs.leader_end,
                                                                   inputs.now, inputs.max_lag);
    if (inputs.isr.may_contain(follower.broker) || about_to_join) {
      smallest = std::min(smallest, follower.log_end_offset);
    }
  }
  return std::max(smallest, inputs.current);
}

}  // namespace ottla::replica
