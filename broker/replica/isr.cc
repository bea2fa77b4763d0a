#include "broker/replica/isr.h"

#include <glog/logging.h>

#include <algorithm>

#include "common/cluster/partition.h"

namespace ottla::replica {
namespace {

/// Answers that say: not carried out, and it will not be.
bool is_final_refusal(ErrorCode error) {
  switch (error) {
    case ErrorCode::IneligibleReplica:      // KIP-841
    case ErrorCode::OperationNotAttempted:  // KIP-704
    case ErrorCode::InvalidRequest:
    case ErrorCode::InvalidReplicaAssignment:
      return true;
    default:
      return false;
  }
}

}  // namespace

void FollowerState::on_subscribed(const void* its_stream, BrokerEpoch epoch, Offset fetch_offset,
                                  bool in_isr) {
  const bool went_back = epoch != broker_epoch || fetch_offset < log_end_offset;
  if (went_back) {
    log_end_offset = kUnknownOffset;
    mark = kUnknownOffset;
    if (!in_isr) caught_up_at.reset();
  }
  broker_epoch = epoch;
  stream = its_stream;
  subscribed = true;
}

void FollowerState::on_sent(Offset end, Offset leader_end, env::MonotonicTime now) {
  sent_end_offset = end;
  is_withheld = false;
  if (mark != kUnknownOffset) return;
  mark = leader_end;
  marked_at = now;
}

void FollowerState::on_progress(Offset end, Offset start, Offset leader_end,
                                env::MonotonicTime now) {
  log_end_offset = end;
  log_start_offset = start;
  if (end >= leader_end) {
    caught_up_at = now;
    mark = kUnknownOffset;
  } else if (mark != kUnknownOffset && end >= mark) {
    caught_up_at = std::max(caught_up_at.value_or(marked_at), marked_at);
    mark = leader_end;
    marked_at = now;
  }
}

bool is_caught_up(const FollowerState& follower, Offset leader_end, env::MonotonicTime now,
                  env::Duration max_lag) {
  if (follower.log_end_offset >= leader_end) return true;
  if (follower.is_silent) return false;
  return follower.caught_up_at.has_value() && now - *follower.caught_up_at <= max_lag;
}

bool is_lagging(const FollowerState& follower, Offset leader_end, env::MonotonicTime now,
                env::Duration max_lag) {
  if (is_caught_up(follower, leader_end, now, max_lag)) return false;
  const bool has_all_that_was_sent = follower.subscribed && !follower.is_withheld &&
                                     follower.sent_end_offset != kUnknownOffset &&
                                     follower.log_end_offset >= follower.sent_end_offset;
  return !has_all_that_was_sent;
}

bool may_join(const FollowerState& follower, Offset high_watermark, Offset epoch_start_offset) {
  return follower.subscribed && follower.log_end_offset != kUnknownOffset &&
         follower.log_end_offset >= high_watermark && follower.log_end_offset >= epoch_start_offset;
}

bool Isr::contains(BrokerId broker) const {
  return cluster::contains(committed_, broker);
}

bool Isr::may_contain(BrokerId broker) const {
  return cluster::contains(committed_, broker) ||
         (pending_ && std::ranges::count(pending_->members, broker, &rpc::IsrMember::broker) > 0);
}

std::vector<BrokerId> Isr::proposed() const {
  std::vector<BrokerId> brokers;
  for (const rpc::IsrMember& member : pending_->members) brokers.push_back(member.broker);
  return brokers;
}

std::vector<rpc::IsrMember> Isr::asked() const {
  if (!pending_->is_withdrawn) return pending_->members;
  std::vector<rpc::IsrMember> members;
  for (const BrokerId member : committed_) members.push_back({.broker = member});
  return members;
}

void Isr::propose(std::vector<rpc::IsrMember> members) {
  CHECK(!pending_) << "one ISR request at a time for each partition";
  pending_ = Pending{std::move(members)};
}

Isr::Outcome Isr::on_refused(ErrorCode error) {
  if (!pending_) return Outcome::Settled;
  if (is_final_refusal(error) && !pending_->may_be_applied) {
    pending_.reset();
    return Outcome::Settled;
  }
  if (is_final_refusal(error)) pending_->is_withdrawn = true;
  if (error == ErrorCode::NetworkException || error == ErrorCode::RequestTimedOut) {
    pending_->may_be_applied = true;
  }
  return Outcome::Repeat;
}

bool Isr::on_state(const std::vector<BrokerId>& members, PartitionEpoch partition_epoch) {
  if (partition_epoch <= partition_epoch_) return false;
  committed_ = members;
  partition_epoch_ = partition_epoch;
  pending_.reset();
  return true;
}

bool Isr::is_asking(const std::vector<rpc::IsrMember>& members,
                    PartitionEpoch partition_epoch) const {
  return pending_ && partition_epoch == partition_epoch_ && members == asked();
}

}  // namespace ottla::replica
