#include "broker/replica/isr_requests.h"

#include <algorithm>
#include <utility>

namespace ottla::replica {
namespace {

constexpr env::Duration kRepeatPause = std::chrono::milliseconds(100);

}  // namespace

IsrRequests::IsrRequests(IsrChanges& changes, env::Executor& control, Find find)
    : changes_(changes), control_(control), find_(std::move(find)) {}

void IsrRequests::request(rpc::AlterPartition request) {
  {
    MutexLock lock(mutex_);
    queue_.push_back(std::move(request));
    if (flush_posted_) return;
    flush_posted_ = true;
  }
  control_.post([self = shared_from_this()] { self->flush(); });
}

void IsrRequests::stop() {
  control_.post([self = shared_from_this()] {
    self->stopped_ = true;
    self->repeat_timer_.reset();
  });
}

void IsrRequests::flush() {
  std::vector<rpc::AlterPartition> requests;
  {
    MutexLock lock(mutex_);
    flush_posted_ = false;
    requests.swap(queue_);
  }
  if (stopped_) return;
  changes_.alter(requests, [self = shared_from_this(),
                            requests](Result<rpc::AlterPartitionReply> reply) mutable {
    env::Executor& control = self->control_;
    control.post([self = std::move(self), requests = std::move(requests),
                  reply = std::move(reply)] { self->on_reply(requests, reply); });
  });
}

void IsrRequests::on_reply(const std::vector<rpc::AlterPartition>& asked,
                           const Result<rpc::AlterPartitionReply>& reply) {
  if (stopped_) return;
  for (const rpc::AlterPartition& request : asked) {
    const TopicPartition name{request.topic, request.partition};
    const std::shared_ptr<Partition> partition = find_(name);
    if (!partition) continue;
    const rpc::AlterPartitionOutcome* outcome = nullptr;
    ErrorCode error = reply ? reply->error : ErrorCode::NetworkException;
    if (reply && error == ErrorCode::None) {
      const auto found = std::find_if(reply->partitions.begin(), reply->partitions.end(),
                                      [&](const rpc::AlterPartitionOutcome& candidate) {
                                        return candidate.topic == request.topic &&
                                               candidate.partition == request.partition;
                                      });
      outcome = found == reply->partitions.end() ? nullptr : &*found;
      error = outcome == nullptr ? ErrorCode::NetworkException : outcome->error;
    }
    if (error == ErrorCode::None) {
      partition->on_isr_answered(outcome->state);
    } else if (partition->on_isr_refused(request, error)) {
      repeat_later(name);
    }
  }
}

void IsrRequests::repeat_later(const TopicPartition& partition) {
  to_repeat_.insert(partition);
  if (repeat_timer_) return;
  repeat_timer_ = control_.post_after(kRepeatPause, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->repeat();
  });
}

void IsrRequests::repeat() {
  repeat_timer_.reset();
  for (const TopicPartition& name : std::exchange(to_repeat_, {})) {
    const std::shared_ptr<Partition> partition = find_(name);
    if (!partition) continue;
    if (auto pending = partition->pending_isr_request()) request(std::move(*pending));
  }
}

}  // namespace ottla::replica
