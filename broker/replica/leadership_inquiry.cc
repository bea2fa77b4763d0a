#include "broker/replica/leadership_inquiry.h"

#include <utility>

namespace ottla::replica {

LeadershipInquiry::LeadershipInquiry(std::shared_ptr<Partition> partition, env::Executor& on,
                                     Callback<ErrorCode> done)
    : partition_(std::move(partition)), on_(on), done_(std::move(done)) {}

void LeadershipInquiry::start(bool must_be_certain, env::Duration timeout) {
  timer_ = on_.post_after(timeout, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->partition_->forget_question(self.get());
    self->decide(ErrorCode::RequestTimedOut);
  });
  partition_->confirm_leadership({shared_from_this(), must_be_certain});
}

void LeadershipInquiry::on_commit_decided(std::uint32_t, ErrorCode outcome) {
  decide(outcome);
}

void LeadershipInquiry::decide(ErrorCode outcome) {
  if (is_decided_.exchange(true, std::memory_order_acq_rel)) return;
  on_.post([self = shared_from_this(), outcome] {
    self->timer_.reset();
    std::move(self->done_)(outcome);
  });
}

}  // namespace ottla::replica
