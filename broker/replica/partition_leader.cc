#include <algorithm>
#include <utility>

#include "broker/replica/partition.h"
#include "broker/replica/partition_calls.h"

namespace ottla::replica {

// Appending.

/// The controller may have heard of another min.insync.replicas than this broker: as long as it
/// holds others for eligible leaders, nothing is committed without them (W1).
std::int32_t Partition::min_isr() const {
  const std::int32_t configured = effective_min_isr(config_.min_insync_replicas, replicas_.size());
  if (!others_are_eligible_) return configured;
  return std::max(configured, static_cast<std::int32_t>(isr_.committed().size()) + 1);
}

void Partition::note_eligible(const cluster::PartitionState& state) {
  others_are_eligible_ =
      !state.eligible_leaders.empty() || !state.last_known_eligible_leaders.empty();
}

Result<> Partition::check_append_locked(Acks acks, std::optional<LeaderEpoch> expected) const {
  if (role_ == Role::Offline) return fail(offline_reason_);
  if (role_ != Role::Leader) return fail(ErrorCode::NotLeaderOrFollower);
  if (acks == Acks::All && is_cut_off_) return fail(ErrorCode::NotLeaderOrFollower);
  if (expected) OTTLA_TRY_VOID(check_epoch(*expected));
  if (acks == Acks::All && static_cast<std::int32_t>(isr_.committed().size()) < min_isr()) {
    return fail(ErrorCode::NotEnoughReplicas);
  }
  return {};
}

Result<> Partition::check_append(Acks acks, std::optional<LeaderEpoch> expected) const {
  MutexLock lock(state_mutex_);
  return check_append_locked(acks, expected);
}

Result<Partition::Appended> Partition::append_as_leader(
    MutableByteView validated, Acks acks, std::optional<LeaderEpoch> expected,
    storage::AppendOrigin origin, std::optional<storage::VerificationToken> verified) {
  Calls calls;
  Appended appended;
  {
    MutexLock appends(append_mutex_);
    std::shared_ptr<storage::Log> log;
    {
      MutexLock lock(state_mutex_);
      OTTLA_TRY_VOID(check_append_locked(acks, expected));
      log = log_;
      appended.leader_epoch = leader_epoch_;
    }
    OTTLA_TRY(appended.info,
              log->append_as_leader(validated, appended.leader_epoch, origin, verified));
    MutexLock lock(state_mutex_);
    // go_offline and changes of role need append_mutex_: the epoch still holds.
    collect(PartitionChange::LogEnd, calls);
    advance_high_watermark(calls);
  }
  calls.make();
  return appended;
}

void Partition::await_commit(Offset required_end, LeaderEpoch appended_in,
                             std::shared_ptr<CommitWaiter> waiter, std::uint32_t token) {
  ErrorCode outcome = ErrorCode::None;
  {
    MutexLock lock(state_mutex_);
    if (role_ == Role::Offline) {
      outcome = offline_reason_;
    } else if (role_ != Role::Leader || appended_in < leads_since_ ||
               (is_cut_off_ && high_watermark() < required_end)) {
      outcome = ErrorCode::NotLeaderOrFollower;
    } else if (high_watermark() < required_end) {
      commits_.emplace(required_end, Commit{std::move(waiter), token});
      return;
    } else if (static_cast<std::int32_t>(isr_.committed().size()) < min_isr()) {
      outcome = ErrorCode::NotEnoughReplicasAfterAppend;
    }
  }
  waiter->on_commit_decided(token, outcome);
}

void Partition::forget_commit(Offset required_end, const CommitWaiter* waiter) {
  std::shared_ptr<CommitWaiter> forgotten;  // freed outside the lock
  MutexLock lock(state_mutex_);
  const auto [begin, end] = commits_.equal_range(required_end);
  for (auto commit = begin; commit != end; ++commit) {
    if (commit->second.waiter.get() != waiter) continue;
    forgotten = std::move(commit->second.waiter);
    commits_.erase(commit);
    break;
  }
  lock.unlock();
  forgotten.reset();
  lock.lock();
}

void Partition::settle_commits(Calls& calls) {
  if (commits_.empty() || commits_.begin()->first > high_watermark()) return;
  const ErrorCode outcome = static_cast<std::int32_t>(isr_.committed().size()) < min_isr()
                                ? ErrorCode::NotEnoughReplicasAfterAppend
                                : ErrorCode::None;
  const auto end = commits_.upper_bound(high_watermark());
  for (auto commit = commits_.begin(); commit != end; ++commit) {
    calls.commits.push_back({std::move(commit->second.waiter), commit->second.token, outcome});
  }
  commits_.erase(commits_.begin(), end);
}

void Partition::dismiss_waiting(ErrorCode outcome, Calls& calls) {
  for (auto& [offset, commit] : commits_) {
    calls.commits.push_back({std::move(commit.waiter), commit.token, outcome});
  }
  commits_.clear();
  for (auto& asker : questions_.take_all()) {
    calls.commits.push_back({std::move(asker.waiter), 0, outcome});
  }
}

// Whether it still is the leader.

void Partition::confirm_leadership(LeadershipQuestions::Asker asker) {
  Calls calls;
  {
    MutexLock lock(state_mutex_);
    if (role_ == Role::Offline) {
      calls.commits.push_back({std::move(asker.waiter), 0, offline_reason_});
    } else if (role_ != Role::Leader || is_cut_off_) {
      calls.commits.push_back({std::move(asker.waiter), 0, ErrorCode::NotLeaderOrFollower});
    } else {
      questions_.ask(std::move(asker));
      settle_questions(calls);
      if (!questions_.empty()) collect(PartitionChange::Question, calls);
    }
  }
  calls.make();
}

void Partition::forget_question(const CommitWaiter* waiter) {
  MutexLock lock(state_mutex_);
  questions_.forget(waiter);
}

std::uint64_t Partition::open_question() const {
  MutexLock lock(state_mutex_);
  return questions_.newest();
}

void Partition::settle_questions(Calls& calls) {
  for (auto& asker : questions_.take_confirmed(isr_, context_->self, followers_, min_isr())) {
    calls.commits.push_back({std::move(asker.waiter), 0, ErrorCode::None});
  }
}

// DeleteRecords.

Result<Offset> Partition::raise_log_start_offset(Offset offset) {
  std::shared_ptr<storage::Log> log;
  Offset committed;
  {
    MutexLock lock(state_mutex_);
    if (role_ == Role::Offline) return fail(offline_reason_);
    if (role_ != Role::Leader) return fail(ErrorCode::NotLeaderOrFollower);
    if (!config_.log->cleanup_delete) return fail(ErrorCode::PolicyViolation);
    log = log_;
    committed = high_watermark();
  }
  if (offset == kUnknownOffset) offset = committed;
  if (offset > committed || offset.value() < 0) return fail(ErrorCode::OffsetOutOfRange);
  OTTLA_TRY(const bool raised, log->raise_log_start_offset(offset, committed));
  Calls calls;
  {
    MutexLock lock(state_mutex_);
    if (role_ == Role::Leader && log_ != log) {
      // The log was moved to another log dir meanwhile: the new one may not have heard.
      const std::shared_ptr<storage::Log> moved = log_;
      lock.unlock();
      const Result<bool> raised_there = moved->raise_log_start_offset(offset, committed);
      lock.lock();
      if (!raised_there) return fail(raised_there.error());
    }
    if (raised) collect(PartitionChange::HighWatermark, calls);
  }
  calls.make();
  return offset;
}

Result<Offset> Partition::low_watermark() const {
  MutexLock lock(state_mutex_);
  if (role_ == Role::Offline) return fail(offline_reason_);
  if (role_ != Role::Leader) return fail(ErrorCode::NotLeaderOrFollower);
  const auto image = context_->metadata.image();
  Offset low = log_->log_start_offset();
  for (const FollowerState& follower : followers_) {
    if (image->broker(follower.broker) == nullptr) continue;
    low = std::min(low, follower.log_start_offset);
  }
  return low;
}

}  // namespace ottla::replica
