#include "broker/replica/delayed_append.h"

#include <utility>

namespace ottla::replica {

DelayedAppend::DelayedAppend(AppendResult result, std::vector<Waiting> waiting, env::Executor& on,
                             Callback<AppendResult> done)
    : result_(std::move(result)),
      waiting_(std::move(waiting)),
      decided_(waiting_.size()),
      undecided_(waiting_.size() + 1),  // one more for `start`, so that nothing ends before it
      on_(on),
      done_(std::move(done)) {}

void DelayedAppend::start(env::Duration timeout) {
  for (std::uint32_t token = 0; token < waiting_.size(); ++token) {
    const Waiting& waiting = waiting_[token];
    waiting.partition->await_commit(waiting.required_end, waiting.appended_in, shared_from_this(),
                                    token);
  }
  timer_ = on_.post_after(timeout, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_timeout();
  });
  finish_one();
}

bool DelayedAppend::decide(std::uint32_t token, ErrorCode outcome) {
  if (decided_[token].exchange(true, std::memory_order_acq_rel)) return false;
  AppendedPartition& slot = result_[waiting_[token].slot];
  slot.error = outcome;
  if (outcome != ErrorCode::None) slot.base_offset = kUnknownOffset;
  return true;
}

void DelayedAppend::on_commit_decided(std::uint32_t token, ErrorCode outcome) {
  if (decide(token, outcome)) finish_one();
}

void DelayedAppend::on_timeout() {
  for (std::uint32_t token = 0; token < waiting_.size(); ++token) {
    if (!decide(token, ErrorCode::RequestTimedOut)) continue;
    waiting_[token].partition->forget_commit(waiting_[token].required_end, this);
    finish_one();
  }
}

void DelayedAppend::finish_one() {
  if (undecided_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  on_.post([self = shared_from_this()] {
    self->timer_.reset();
    std::move(self->done_)(std::move(self->result_));
  });
}

}  // namespace ottla::replica
