#include "common/env/deadline_timer.h"

#include <algorithm>
#include <utility>

namespace ottla::env {

void DeadlineTimer::arm(std::optional<MonotonicTime> deadline, Task on_due) {
  if (!deadline || (timer_ && due_ <= *deadline)) return;
  due_ = *deadline;
  timer_ = loop_.post_after(std::max(due_ - clock_.now(), Duration(0)),
                            [this, on_due = std::move(on_due)]() mutable {
                              timer_.reset();
                              std::move(on_due)();
                            });
}

}  // namespace ottla::env
