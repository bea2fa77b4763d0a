#include "broker/replica/partition.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/replica/partition_calls.h"

// What a partition is: its role, and what others see of it. What it does as leader is in
// partition_leader.cc, its followers and the ISR in partition_isr.cc, what it does as follower in
// partition_follower.cc.

namespace ottla::replica {

Partition::Partition(std::shared_ptr<PartitionContext> context, TopicPartition name,
                     TopicId topic_id)
    : context_(std::move(context)), name_(std::move(name)), topic_id_(topic_id) {}

// Roles.

void Partition::take_up(const RoleChange& change) {
  if (log_ != change.log) {
    log_ = change.log;
    // A checkpoint may be ahead of a log that lost its tail in a host crash, and behind what this
    // replica knew when it was stopped: it was read at the start.
    set_high_watermark(std::clamp(std::max(change.checkpointed_high_watermark, high_watermark()),
                                  log_->log_start_offset(), log_->log_end_offset()));
  }
  config_ = change.config;
  is_cut_off_ = false;  // Until the next look: the controller has just been heard.
  is_recovering_ = change.state.recovering;
  note_eligible(change.state);
  replicas_ = change.assignment.replicas;
  adding_ = change.assignment.adding;
  leader_ = change.state.leader;
  leader_epoch_ = change.state.leader_epoch;
  partition_epoch_ = change.state.partition_epoch;
  offline_reason_ = ErrorCode::None;
}

void Partition::begin_followers() {
  followers_.clear();
  const env::MonotonicTime now = context_->clock.now();
  for (const BrokerId broker : replicas_) {
    if (broker == context_->self) continue;
    FollowerState follower{.broker = broker};
    if (isr_.contains(broker)) follower.caught_up_at = now;
    followers_.push_back(follower);
  }
}

void Partition::match_followers_to_isr() {
  const auto assigned = [this](BrokerId broker) OTTLA_NO_THREAD_SAFETY_ANALYSIS {
    return cluster::contains(replicas_, broker);
  };
  std::erase_if(followers_, [&](const FollowerState& f) { return !assigned(f.broker); });
  for (const BrokerId broker : replicas_) {
    if (broker == context_->self) continue;
    const auto known = std::find_if(followers_.begin(), followers_.end(),
                                    [&](const FollowerState& f) { return f.broker == broker; });
    if (known == followers_.end()) {
      followers_.push_back({.broker = broker});
    } else if (!isr_.contains(broker)) {
      // Put out of the ISR, perhaps because it is dead: the high watermark does not wait for it
      // until it has caught up again, with what is appended after this too.
      known->caught_up_at.reset();
    }
  }
}

Result<bool> Partition::become_leader(RoleChange change) {
  Calls calls;
  {
    MutexLock appends(append_mutex_);
    {
      MutexLock lock(state_mutex_);
      if (change.state.leader_epoch < leader_epoch_) return false;
      if (change.state.leader_epoch == leader_epoch_ && role_ == Role::Follower) {
        // Who was told of no leader was one whose copy the controller doubted. Its successor, who
        // has no reason to doubt it, means the same epoch.
        if (leader_ != kNoBroker) return false;
      } else if (change.state.leader_epoch == leader_epoch_ && role_ == Role::Leader) {
        const bool newer = isr_.on_state(change.state.isr, change.state.partition_epoch);
        // A reassignment that ends, or is given up, changes nothing but the assignment.
        const bool reassigned =
            change.state.partition_epoch == isr_.partition_epoch() &&
            (change.assignment.replicas != replicas_ || change.assignment.adding != adding_);
        if (!newer && !reassigned) return false;
        take_up(change);
        match_followers_to_isr();
        advance_high_watermark(calls);
        settle_commits(calls);
        settle_questions(calls);
      }
    }
    bool led = false;
    {
      MutexLock lock(state_mutex_);
      led = role_ == Role::Leader && leader_epoch_ == change.state.leader_epoch;
    }
    if (!led) {
      OTTLA_TRY_VOID(change.log->assign_leader_epoch(change.state.leader_epoch));
      MutexLock lock(state_mutex_);
      const bool was_leader = role_ == Role::Leader;
      take_up(change);
      if (!was_leader) {
        leads_since_ = leader_epoch_;
        isr_history_.forget();
      }
      role_ = Role::Leader;
      epoch_start_offset_ = log_->log_end_offset();
      isr_ = Isr(change.state.isr, change.state.partition_epoch);
      begin_followers();
      settle_questions(calls);  // of the same leader's last epoch
      LOG(INFO) << '[' << name_ << "] leader from offset " << epoch_start_offset_
                << ", leader epoch " << leader_epoch_ << ", isr " << to_text(isr_.committed())
                << ", high watermark " << high_watermark();
      collect(PartitionChange::Role, calls);
      advance_high_watermark(calls);
    }
  }
  calls.make();
  return true;
}

void Partition::start_from(Offset high_watermark) {
  MutexLock lock(state_mutex_);
  set_high_watermark(high_watermark);
}

void Partition::raise_high_watermark(Offset offset, storage::Log& log) {
  set_high_watermark(offset);
  (void)log.last_stable_offset(offset);
}

Result<bool> Partition::become_follower(RoleChange change) {
  Calls calls;
  {
    MutexLock appends(append_mutex_);
    MutexLock lock(state_mutex_);
    if (change.state.leader_epoch < leader_epoch_) return false;
    if (change.state.leader_epoch == leader_epoch_ && role_ != Role::None &&
        role_ != Role::Offline) {
      if (role_ == Role::Follower && change.state.partition_epoch >= partition_epoch_) {
        take_up(change);
      }
      return false;
    }
    take_up(change);
    role_ = Role::Follower;
    isr_ = {};
    followers_.clear();
    dismiss_waiting(ErrorCode::NotLeaderOrFollower, calls);
    collect(PartitionChange::Role, calls);
    LOG(INFO) << '[' << name_ << "] follower of " << leader_ << " from offset "
              << log_->log_end_offset() << ", leader epoch " << leader_epoch_ << ", high watermark "
              << high_watermark();
  }
  calls.make();
  return true;
}

void Partition::go_offline(ErrorCode reason) {
  Calls calls;
  {
    MutexLock appends(append_mutex_);
    MutexLock lock(state_mutex_);
    if (role_ == Role::Offline) return;
    role_ = Role::Offline;
    offline_reason_ = reason;
    log_.reset();
    isr_ = {};
    followers_.clear();
    dismiss_waiting(reason, calls);
    collect(PartitionChange::Role, calls);
  }
  calls.make();
}

void Partition::set_config(TopicConfig config) {
  Calls calls;
  {
    MutexLock lock(state_mutex_);
    config_ = std::move(config);
    if (role_ == Role::Leader) {
      advance_high_watermark(calls);
      settle_questions(calls);
    }
  }
  calls.make();
}

// Looking in.

Partition::View Partition::view() const {
  MutexLock lock(state_mutex_);
  return {.role = role_,
          .leader = leader_,
          .leader_epoch = leader_epoch_,
          .epoch_start_offset = epoch_start_offset_,
          .high_watermark = high_watermark(),
          .log = log_,
          .isr = isr_.committed(),
          .replicas = replicas_,
          .adding = adding_};
}

std::size_t Partition::View::replication_factor() const {
  return cluster::replication_factor({.replicas = replicas, .adding = adding, .removing = {}});
}

void Partition::count_replicated(BrokerId follower, std::size_t bytes) {
  const bool is_added = [&] {
    MutexLock lock(state_mutex_);
    return std::find(adding_.begin(), adding_.end(), follower) != adding_.end();
  }();
  const auto count = static_cast<std::int64_t>(bytes);
  ReplicationTotals& totals = context_->totals;
  const bool is_self = follower == context_->self;
  (is_self ? totals.bytes_in : totals.bytes_out).fetch_add(count, std::memory_order_relaxed);
  if (!is_added) return;
  (is_self ? totals.reassignment_bytes_in : totals.reassignment_bytes_out)
      .fetch_add(count, std::memory_order_relaxed);
}

bool Partition::had_better_not_lead() const {
  MutexLock lock(state_mutex_);
  return log_ && (log_->is_on_slow_disk() || !log_->has_room());
}

Result<> Partition::check_epoch(LeaderEpoch current) const {
  if (current == kUnknownLeaderEpoch) return {};
  if (current < leader_epoch_) return fail(ErrorCode::FencedLeaderEpoch);
  if (current > leader_epoch_) return fail(ErrorCode::UnknownLeaderEpoch);
  return {};
}

Result<Partition::ReadAccess> Partition::read_access(LeaderEpoch current_leader_epoch,
                                                     bool leader_only) const {
  MutexLock lock(state_mutex_);
  if (role_ == Role::Offline) return fail(offline_reason_);
  OTTLA_TRY_VOID(check_epoch(current_leader_epoch));
  if (role_ == Role::None || (leader_only && role_ != Role::Leader)) {
    return fail(ErrorCode::NotLeaderOrFollower);
  }
  return ReadAccess{.log = log_,
                    .high_watermark = high_watermark(),
                    .leader_epoch = leader_epoch_,
                    .epoch_start_offset = epoch_start_offset_,
                    .is_leader = role_ == Role::Leader};
}

std::vector<ReadCandidate> Partition::read_candidates() const {
  MutexLock lock(state_mutex_);
  std::vector<ReadCandidate> candidates;
  if (role_ != Role::Leader) return candidates;
  const auto image = context_->metadata.image();
  const auto rack_of = [&](BrokerId id) {
    const cluster::Broker* broker = image->broker(id);
    return broker == nullptr ? std::nullopt : broker->rack;
  };
  if (const auto rack = rack_of(context_->self)) {
    candidates.push_back({.broker = context_->self, .rack = *rack, .is_leader = true});
  }
  for (const FollowerState& follower : followers_) {
    const auto rack = rack_of(follower.broker);
    if (!rack || !follower.subscribed) continue;
    candidates.push_back({.broker = follower.broker,
                          .rack = *rack,
                          .log_start_offset = follower.log_start_offset,
                          .log_end_offset = follower.log_end_offset,
                          .caught_up_at = follower.caught_up_at});
  }
  return candidates;
}

// Watching.

void Partition::collect(PartitionChange change, Calls& calls) const {
  for (const Watch& watch : watches_) {
    if (change == PartitionChange::Role || (watch.changes & change)) {
      calls.watchers.push_back({watch.watcher, watch.token, change});
    }
  }
}

void Partition::watch(std::shared_ptr<PartitionWatcher> watcher, std::uint32_t token,
                      std::uint8_t changes) {
  MutexLock lock(state_mutex_);
  watches_.push_back({std::move(watcher), token, changes});
}

void Partition::forget_watchers() {
  std::vector<Watch> watches;  // freed outside the lock, as is the rest
  std::multimap<Offset, Commit> commits;
  std::vector<LeadershipQuestions::Asker> askers;
  MutexLock lock(state_mutex_);
  watches.swap(watches_);
  commits.swap(commits_);
  askers = questions_.take_all();
}

void Partition::unwatch(const PartitionWatcher* watcher, std::uint32_t token) {
  std::shared_ptr<PartitionWatcher> forgotten;  // freed outside the lock
  MutexLock lock(state_mutex_);
  const auto found = std::find_if(watches_.begin(), watches_.end(), [&](const Watch& watch) {
    return watch.watcher.get() == watcher && watch.token == token;
  });
  if (found == watches_.end()) return;
  forgotten = std::move(found->watcher);
  *found = std::move(watches_.back());
  watches_.pop_back();
  lock.unlock();
  forgotten.reset();
  lock.lock();
}

// Moving between log dirs.

Result<bool> Partition::replace_log(const storage::Log* current,
                                    std::shared_ptr<storage::Log> replacement,
                                    const std::function<Result<bool>()>& switch_over) {
  Calls calls;
  {
    MutexLock appends(append_mutex_);
    bool leads = false;
    LeaderEpoch epoch;
    {
      MutexLock lock(state_mutex_);
      if (log_.get() != current) return false;
      leads = role_ == Role::Leader;
      epoch = leader_epoch_;
    }
    OTTLA_TRY(const bool done, switch_over());
    if (!done) return false;
    // An epoch of this leader that has no records yet came with none.
    if (leads) OTTLA_TRY_VOID(replacement->assign_leader_epoch(epoch));
    MutexLock lock(state_mutex_);
    log_ = std::move(replacement);
    collect(PartitionChange::LogEnd, calls);
    collect(PartitionChange::HighWatermark, calls);
  }
  calls.make();
  return true;
}

}  // namespace ottla::replica
