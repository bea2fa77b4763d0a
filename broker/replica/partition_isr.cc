#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "broker/replica/high_watermark.h"
#include "broker/replica/partition.h"
#include "broker/replica/partition_calls.h"
#include "broker/replica/truncation.h"

namespace ottla::replica {
namespace {

/// The controller may doubt a follower for a second or two that goes on acknowledging all the time.
constexpr std::chrono::milliseconds kPauseAfterRefusal{100};

}  // namespace

// Followers, seen by their leader.

bool Partition::leads(LeaderEpoch epoch) const {
  return role_ == Role::Leader && leader_epoch_ == epoch;
}

FollowerState* Partition::linked(FollowerLink link) {
  if (!leads(link.epoch)) return nullptr;
  for (FollowerState& follower : followers_) {
    if (follower.broker == link.follower) {
      return follower.stream == link.stream ? &follower : nullptr;
    }
  }
  return nullptr;
}

std::optional<Partition::Refusal> Partition::admit_follower(const rpc::StreamHello& hello,
                                                            const void* stream,
                                                            const rpc::Subscription& wanted) {
  MutexLock lock(state_mutex_);
  if (role_ == Role::Offline) return Refusal{.error = offline_reason_};
  if (wanted.current_leader_epoch < leader_epoch_) {
    return Refusal{.error = ErrorCode::FencedLeaderEpoch};
  }
  if (wanted.current_leader_epoch > leader_epoch_) {
    return Refusal{.error = ErrorCode::UnknownLeaderEpoch};
  }
  if (role_ != Role::Leader) return Refusal{.error = ErrorCode::NotLeaderOrFollower};
  const auto follower =
      std::find_if(followers_.begin(), followers_.end(),
                   [&](const FollowerState& f) { return f.broker == hello.follower; });
  if (follower == followers_.end()) return Refusal{.error = ErrorCode::NotLeaderOrFollower};

  const Offset log_start = log_->log_start_offset();
  const Offset log_end = log_->log_end_offset();
  const storage::EpochEndOffset end_of_epoch =
      wanted.last_fetched_epoch == kUnknownLeaderEpoch
          ? storage::EpochEndOffset{}
          : log_->end_offset_for_epoch(wanted.last_fetched_epoch);
  switch (judge_position(wanted.fetch_offset, wanted.last_fetched_epoch, end_of_epoch, log_start,
                         log_end)) {
    case FetchPosition::OutOfRange:
      return Refusal{.error = ErrorCode::OffsetOutOfRange,
                     .log_start_offset = log_start,
                     .log_end_offset = log_end};
    case FetchPosition::Diverged:
      return Refusal{.divergence = rpc::PartitionPush::Divergence{end_of_epoch.leader_epoch,
                                                                  end_of_epoch.end_offset},
                     .log_start_offset = log_start,
                     .log_end_offset = log_end};
    case FetchPosition::Fits:
      break;
  }
  follower->on_subscribed(stream, hello.follower_epoch, wanted.fetch_offset,
                          isr_.contains(follower->broker));
  follower->on_sent(wanted.fetch_offset, log_end, context_->clock.now());
  return std::nullopt;
}

Partition::Throttling Partition::throttling(BrokerId follower) const {
  MutexLock lock(state_mutex_);
  const auto& throttled = config_.leader_throttled;
  return {.in_sync = isr_.may_contain(follower),
          .by_leader = throttled && throttled->contains(name_.partition, context_->self)};
}

bool Partition::is_throttled_follower() const {
  MutexLock lock(state_mutex_);
  const auto& throttled = config_.follower_throttled;
  return throttled && throttled->contains(name_.partition, context_->self);
}

void Partition::follower_left(FollowerLink link) {
  Calls calls;
  {
    MutexLock lock(state_mutex_);
    FollowerState* follower = linked(link);
    if (follower == nullptr) return;
    follower->subscribed = false;
    advance_high_watermark(calls);
  }
  calls.make();
}

void Partition::note_sent(FollowerLink link, Offset end) {
  MutexLock lock(state_mutex_);
  if (FollowerState* follower = linked(link)) {
    follower->on_sent(end, log_->log_end_offset(), context_->clock.now());
  }
}

void Partition::note_withheld(FollowerLink link) {
  MutexLock lock(state_mutex_);
  if (FollowerState* follower = linked(link)) follower->is_withheld = true;
}

std::optional<rpc::AlterPartition> Partition::on_follower_progress(FollowerLink link,
                                                                   Offset log_end,
                                                                   Offset log_start) {
  Calls calls;
  std::optional<rpc::AlterPartition> request;
  {
    MutexLock lock(state_mutex_);
    FollowerState* follower = linked(link);
    // A follower cannot hold more than we sent in this epoch.
    if (follower == nullptr || log_end > log_->log_end_offset()) return std::nullopt;
    if (log_start != follower->log_start_offset) collect(PartitionChange::HighWatermark, calls);
    follower->on_progress(log_end, log_start, log_->log_end_offset(), context_->clock.now());
    advance_high_watermark(calls);
    if (!isr_.may_contain(link.follower)) request = propose_joiners();
  }
  calls.make();
  return request;
}

void Partition::on_follower_confirmed(FollowerLink link, std::uint64_t question) {
  Calls calls;
  {
    MutexLock lock(state_mutex_);
    FollowerState* follower = linked(link);
    if (follower == nullptr) return;
    follower->confirmed = std::max(follower->confirmed, question);
    settle_questions(calls);
  }
  calls.make();
}

void Partition::advance_high_watermark(Calls& calls) {
  const Offset next = next_high_watermark({.current = high_watermark(),
                                           .leader_end = log_->log_end_offset(),
                                           .followers = followers_,
                                           .isr = isr_,
                                           .min_isr = min_isr(),
                                           .now = context_->clock.now(),
                                           .max_lag = context_->max_lag});
  if (next == high_watermark()) return;
  raise_high_watermark(next, *log_);
  collect(PartitionChange::HighWatermark, calls);
  settle_commits(calls);
}

// The ISR.

bool Partition::is_eligible(const FollowerState& follower) const {
  // KIP-841, KIP-903: only the registration that is live now may join.
  const auto image = context_->metadata.image();
  const cluster::Broker* broker = image->broker(follower.broker);
  return broker != nullptr && broker->epoch == follower.broker_epoch;
}

std::optional<rpc::AlterPartition> Partition::propose_joiners() {
  if (isr_.is_pending()) return std::nullopt;
  const env::MonotonicTime now = context_->clock.now();
  if (isr_history_.was_refused_since(now - kPauseAfterRefusal)) return std::nullopt;
  std::vector<BrokerId> members = isr_.committed();
  for (const FollowerState& follower : followers_) {
    // Below min.insync.replicas the high watermark stands, and who reaches it may still be far
    // behind: it would leave at the next look, and come and go (KAFKA-19996).
    if (!isr_.contains(follower.broker) &&
        may_join(follower, high_watermark(), epoch_start_offset_) &&
        is_caught_up(follower, log_->log_end_offset(), now, context_->max_lag) &&
        is_eligible(follower)) {
      members.push_back(follower.broker);
    }
  }
  if (members.size() == isr_.committed().size()) return std::nullopt;
  LOG(INFO) << '[' << name_ << "] asks for isr " << to_text(isr_.committed()) << " -> "
            << to_text(members) << ", leader epoch " << leader_epoch_ << ": caught up";
  return propose(members);
}

std::optional<rpc::AlterPartition> Partition::on_follower_without_room(FollowerLink link) {
  MutexLock lock(state_mutex_);
  const FollowerState* const follower = linked(link);
  if (follower == nullptr || isr_.is_pending() || !isr_.contains(link.follower)) {
    return std::nullopt;  // It says so again with its next try.
  }
  // With too few others nothing is won: the high watermark would stand still all the same.
  if (static_cast<std::int32_t>(isr_.committed().size()) <= min_isr()) return std::nullopt;
  std::vector<BrokerId> members = isr_.committed();
  std::erase(members, link.follower);
  note_removed(*follower);
  LOG(INFO) << '[' << name_ << "] asks for isr " << to_text(isr_.committed()) << " -> "
            << to_text(members) << ", leader epoch " << leader_epoch_ << ": the disk of broker "
            << link.follower << " is full";
  return propose(members);
}

void Partition::note_removed(const FollowerState& follower) {
  isr_history_.removed({.broker = follower.broker,
                        .at = context_->clock.now(),
                        .log_end_offset = follower.log_end_offset,
                        .leader_log_end_offset = log_->log_end_offset(),
                        .subscribed = follower.subscribed});
}

std::optional<rpc::AlterPartition> Partition::check_isr(const std::set<BrokerId>& silent) {
  Calls calls;
  std::optional<rpc::AlterPartition> request;
  {
    MutexLock lock(state_mutex_);
    if (role_ != Role::Leader) return std::nullopt;
    for (FollowerState& follower : followers_) {
      follower.is_silent = silent.contains(follower.broker);
    }
    advance_high_watermark(calls);
    if (!isr_.is_pending()) {
      const env::MonotonicTime now = context_->clock.now();
      const env::Duration max_lag = allowed_lag(context_->max_lag, log_->is_on_slow_disk());
      std::vector<BrokerId> members = isr_.committed();
      for (const FollowerState& follower : followers_) {
        if (isr_.contains(follower.broker) &&
            is_lagging(follower, log_->log_end_offset(), now, max_lag)) {
          std::erase(members, follower.broker);
          note_removed(follower);
          LOG(INFO) << '[' << name_ << "] broker " << follower.broker << " lags at offset "
                    << follower.log_end_offset << " of " << log_->log_end_offset();
        }
      }
      if (members.size() < isr_.committed().size()) {
        LOG(INFO) << '[' << name_ << "] asks for isr " << to_text(isr_.committed()) << " -> "
                  << to_text(members) << ", leader epoch " << leader_epoch_;
        request = propose(members);
      } else {
        request = propose_joiners();
      }
    }
  }
  calls.make();
  return request;
}

void Partition::set_out_of_reach(const std::set<BrokerId>& brokers) {
  Calls calls;
  {
    MutexLock lock(state_mutex_);
    const std::vector<BrokerId>& isr = isr_.committed();
    is_cut_off_ = role_ == Role::Leader &&
                  std::any_of(isr.begin(), isr.end(),
                              [&](BrokerId member) { return brokers.contains(member); });
    if (is_cut_off_) dismiss_waiting(ErrorCode::NotLeaderOrFollower, calls);
  }
  calls.make();
}

rpc::AlterPartition Partition::propose(const std::vector<BrokerId>& members) {
  std::vector<rpc::IsrMember> processes;
  for (const BrokerId broker : members) {
    rpc::IsrMember member{.broker = broker};
    if (broker == context_->self) member.broker_epoch = BrokerEpoch(context_->broker_epoch.load());
    for (const FollowerState& follower : followers_) {
      if (follower.broker == broker) member.broker_epoch = follower.broker_epoch;
    }
    processes.push_back(member);
  }
  isr_history_.asked(members, context_->clock.now());
  isr_.propose(std::move(processes));
  return isr_request();
}

rpc::AlterPartition Partition::isr_request() const {
  return {.topic = name_.topic,
          .topic_id = topic_id_,
          .partition = name_.partition,
          .leader_epoch = leader_epoch_,
          .partition_epoch = isr_.partition_epoch(),
          .new_isr = isr_.asked()};
}

std::optional<rpc::AlterPartition> Partition::pending_isr_request() const {
  MutexLock lock(state_mutex_);
  if (role_ != Role::Leader || !isr_.is_pending()) return std::nullopt;
  return isr_request();
}

bool Partition::on_isr_refused(const rpc::AlterPartition& request, ErrorCode error) {
  Calls calls;
  bool repeat = false;
  {
    MutexLock lock(state_mutex_);
    if (!leads(request.leader_epoch) || !isr_.is_asking(request.new_isr, request.partition_epoch)) {
      return false;  // Something newer was asked for since, or settled it.
    }
    isr_history_.answered(error);
    ++context_->totals.failed_isr_updates;
    repeat = isr_.on_refused(error) == Isr::Outcome::Repeat;
    LOG(INFO) << '[' << name_ << "] isr request refused: " << error << ", leader epoch "
              << request.leader_epoch << ", partition epoch " << isr_.partition_epoch();
    advance_high_watermark(calls);
    settle_questions(calls);
  }
  calls.make();
  return repeat;
}

void Partition::on_isr_answered(const cluster::PartitionState& state) {
  Calls calls;
  {
    MutexLock lock(state_mutex_);
    if (!leads(state.leader_epoch)) return;
    const std::size_t before = isr_.committed().size();
    if (!isr_.on_state(state.isr, state.partition_epoch)) return;
    if (state.isr.size() > before) ++context_->totals.isr_expands;
    if (state.isr.size() < before) ++context_->totals.isr_shrinks;
    isr_history_.answered(ErrorCode::None);
    note_eligible(state);
    partition_epoch_ = std::max(partition_epoch_, state.partition_epoch);
    LOG(INFO) << '[' << name_ << "] isr " << to_text(state.isr) << ", leader epoch "
              << leader_epoch_ << ", partition epoch " << state.partition_epoch;
    match_followers_to_isr();
    advance_high_watermark(calls);
    settle_commits(calls);
    settle_questions(calls);
  }
  calls.make();
}

}  // namespace ottla::replica
