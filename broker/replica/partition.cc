#include "broker/replica/partition.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/replica/high_watermark.h"
#include "broker/replica/truncation.h"

namespace ottla::replica {
namespace {

std::string to_text(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const BrokerId broker : brokers) {
    if (!text.empty()) text += ',';
    text += std::to_string(broker.value());
  }
  return text;
}

}  // namespace

struct Partition::Calls {
  struct WatcherCall {
    std::shared_ptr<PartitionWatcher> watcher;
    std::uint32_t token;
    PartitionChange change;
  };
  struct CommitCall {
    std::shared_ptr<CommitWaiter> waiter;
    std::uint32_t token;
    ErrorCode outcome;
  };
  absl::InlinedVector<WatcherCall, 4> watchers;
  absl::InlinedVector<CommitCall, 4> commits;

  void make() {
    for (CommitCall& call : commits) call.waiter->on_commit_decided(call.token, call.outcome);
    for (WatcherCall& call : watchers) call.watcher->on_partition_changed(call.token, call.change);
  }
};

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
  replicas_ = change.assignment.replicas;
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
    return std::find(replicas_.begin(), replicas_.end(), broker) != replicas_.end();
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
      if (change.state.leader_epoch == leader_epoch_ && role_ != Role::None &&
          role_ != Role::Offline) {
        if (role_ != Role::Leader) return false;
        const bool newer = isr_.on_state(change.state.isr, change.state.partition_epoch);
        // A reassignment that ends, or is given up, changes nothing but the assignment.
        const bool reassigned = change.state.partition_epoch == isr_.partition_epoch() &&
                                change.assignment.replicas != replicas_;
        if (!newer && !reassigned) return false;
        take_up(change);
        match_followers_to_isr();
        advance_high_watermark(calls);
        settle_commits(calls);
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
    drop_commits(ErrorCode::NotLeaderOrFollower, calls);
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
    drop_commits(reason, calls);
    collect(PartitionChange::Role, calls);
  }
  calls.make();
}

void Partition::set_config(TopicConfig config) {
  Calls calls;
  {
    MutexLock lock(state_mutex_);
    config_ = std::move(config);
    if (role_ == Role::Leader) advance_high_watermark(calls);
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
          .replicas = replicas_};
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

// Appending.

std::int32_t Partition::min_isr() const {
  return effective_min_isr(config_.min_insync_replicas, replicas_.size());
}

Result<> Partition::check_append_locked(Acks acks, std::optional<LeaderEpoch> expected) const {
  if (role_ == Role::Offline) return fail(offline_reason_);
  if (role_ != Role::Leader) return fail(ErrorCode::NotLeaderOrFollower);
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

Result<Partition::Appended> Partition::append_as_leader(MutableByteView validated, Acks acks,
                                                        std::optional<LeaderEpoch> expected,
                                                        storage::AppendOrigin origin) {
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
    OTTLA_TRY(appended.info, log->append_as_leader(validated, appended.leader_epoch, origin));
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
    } else if (role_ != Role::Leader || appended_in < leads_since_) {
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

void Partition::drop_commits(ErrorCode outcome, Calls& calls) {
  for (auto& [offset, commit] : commits_) {
    calls.commits.push_back({std::move(commit.waiter), commit.token, outcome});
  }
  commits_.clear();
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
  set_high_watermark(next);
  collect(PartitionChange::HighWatermark, calls);
  settle_commits(calls);
}

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
  std::vector<Watch> watches;  // freed outside the lock, as are the commits
  std::multimap<Offset, Commit> commits;
  MutexLock lock(state_mutex_);
  watches.swap(watches_);
  commits.swap(commits_);
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
  follower->broker_epoch = hello.follower_epoch;
  follower->stream = stream;
  follower->subscribed = true;
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

// The ISR.

bool Partition::is_eligible(const FollowerState& follower) const {
  // KIP-841, KIP-903: only the registration that is live now may join.
  const auto image = context_->metadata.image();
  const cluster::Broker* broker = image->broker(follower.broker);
  return broker != nullptr && broker->epoch == follower.broker_epoch;
}

std::optional<rpc::AlterPartition> Partition::propose_joiners() {
  if (isr_.is_pending()) return std::nullopt;
  std::vector<BrokerId> members = isr_.committed();
  for (const FollowerState& follower : followers_) {
    if (!isr_.contains(follower.broker) &&
        may_join(follower, high_watermark(), epoch_start_offset_) && is_eligible(follower)) {
      members.push_back(follower.broker);
    }
  }
  if (members.size() == isr_.committed().size()) return std::nullopt;
  LOG(INFO) << '[' << name_ << "] asks for isr " << to_text(isr_.committed()) << " -> "
            << to_text(members) << ", leader epoch " << leader_epoch_ << ": caught up";
  isr_history_.asked(members, context_->clock.now());
  isr_.propose(std::move(members));
  return isr_request();
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
      std::vector<BrokerId> members = isr_.committed();
      for (const FollowerState& follower : followers_) {
        if (isr_.contains(follower.broker) &&
            is_lagging(follower, log_->log_end_offset(), now, context_->max_lag)) {
          std::erase(members, follower.broker);
          isr_history_.removed({.broker = follower.broker,
                                .at = now,
                                .log_end_offset = follower.log_end_offset,
                                .leader_log_end_offset = log_->log_end_offset(),
                                .subscribed = follower.subscribed});
          LOG(INFO) << '[' << name_ << "] broker " << follower.broker << " lags at offset "
                    << follower.log_end_offset << " of " << log_->log_end_offset();
        }
      }
      if (members.size() < isr_.committed().size()) {
        LOG(INFO) << '[' << name_ << "] asks for isr " << to_text(isr_.committed()) << " -> "
                  << to_text(members) << ", leader epoch " << leader_epoch_;
        isr_history_.asked(members, context_->clock.now());
        isr_.propose(std::move(members));
        request = isr_request();
      } else {
        request = propose_joiners();
      }
    }
  }
  calls.make();
  return request;
}

rpc::AlterPartition Partition::isr_request() const {
  rpc::AlterPartition request{.topic = name_.topic,
                              .topic_id = topic_id_,
                              .partition = name_.partition,
                              .leader_epoch = leader_epoch_,
                              .partition_epoch = isr_.partition_epoch(),
                              .new_isr = {}};
  for (const BrokerId broker : isr_.proposed()) {
    rpc::IsrMember member{.broker = broker};
    if (broker == context_->self) member.broker_epoch = BrokerEpoch(context_->broker_epoch.load());
    for (const FollowerState& follower : followers_) {
      if (follower.broker == broker) member.broker_epoch = follower.broker_epoch;
    }
    request.new_isr.push_back(member);
  }
  return request;
}

std::optional<rpc::AlterPartition> Partition::pending_isr_request() const {
  MutexLock lock(state_mutex_);
  if (role_ != Role::Leader || !isr_.is_pending()) return std::nullopt;
  return isr_request();
}

bool Partition::on_isr_refused(const rpc::AlterPartition& request, ErrorCode error) {
  Calls calls;
  bool repeat = false;
  std::vector<BrokerId> members;
  for (const rpc::IsrMember& member : request.new_isr) members.push_back(member.broker);
  {
    MutexLock lock(state_mutex_);
    if (!leads(request.leader_epoch) || !isr_.is_asking(members, request.partition_epoch)) {
      return false;  // Something newer was asked for since, or settled it.
    }
    isr_history_.answered(error);
    repeat = isr_.on_refused(error) == Isr::Outcome::Repeat;
    LOG(INFO) << '[' << name_ << "] isr request refused: " << error << ", leader epoch "
              << request.leader_epoch << ", partition epoch " << isr_.partition_epoch();
    advance_high_watermark(calls);
  }
  calls.make();
  return repeat;
}

void Partition::on_isr_answered(const cluster::PartitionState& state) {
  Calls calls;
  {
    MutexLock lock(state_mutex_);
    if (!leads(state.leader_epoch)) return;
    if (!isr_.on_state(state.isr, state.partition_epoch)) return;
    isr_history_.answered(ErrorCode::None);
    partition_epoch_ = std::max(partition_epoch_, state.partition_epoch);
    LOG(INFO) << '[' << name_ << "] isr " << to_text(state.isr) << ", leader epoch "
              << leader_epoch_ << ", partition epoch " << state.partition_epoch;
    match_followers_to_isr();
    advance_high_watermark(calls);
    settle_commits(calls);
  }
  calls.make();
}

// As follower.

Result<std::shared_ptr<storage::Log>> Partition::followers_log(LeaderEpoch epoch) const {
  MutexLock lock(state_mutex_);
  if (role_ == Role::Offline) return fail(offline_reason_);
  if (role_ != Role::Follower || leader_epoch_ != epoch) {
    return fail(ErrorCode::NotLeaderOrFollower);
  }
  return log_;
}

Result<Partition::FetchStart> Partition::fetch_start(LeaderEpoch epoch) const {
  OTTLA_TRY(const std::shared_ptr<storage::Log> log, followers_log(epoch));
  const Offset end = log->log_end_offset();
  const Offset start = log->log_start_offset();
  // The epoch of the last record, not the newest one that began: a leader that appended nothing in
  // its epoch has an epoch without records.
  const LeaderEpoch last =
      end > start ? log->leader_epoch_of(Offset(end.value() - 1)) : kUnknownLeaderEpoch;
  return FetchStart{end, last, start};
}

Result<Partition::Extent> Partition::append_as_follower(LeaderEpoch epoch,
                                                        std::span<const ByteView> batches,
                                                        Offset leader_high_watermark,
                                                        Offset leader_log_start) {
  Calls calls;
  Extent extent;
  {
    MutexLock appends(append_mutex_);
    OTTLA_TRY(const std::shared_ptr<storage::Log> log, followers_log(epoch));
    if (!batches.empty()) {
      OTTLA_TRY(const storage::AppendInfo info, log->append_as_follower(batches));
      (void)info;  // the log end offset below says the same
    }
    const Offset end = log->log_end_offset();
    MutexLock lock(state_mutex_);
    // A new leader may not know yet what was committed before it: the high watermark stays.
    const Offset next = std::max(high_watermark(), std::min(leader_high_watermark, end));
    if (next != high_watermark()) {
      set_high_watermark(next);
      collect(PartitionChange::HighWatermark, calls);
    }
    const Offset new_start = std::min(leader_log_start, next);
    if (new_start > log->log_start_offset()) {
      lock.unlock();
      const Result<bool> raised = log->raise_log_start_offset(new_start, next);
      lock.lock();
      if (!raised) return fail(raised.error());
    }
    extent = {log->log_start_offset(), end};
  }
  calls.make();
  return extent;
}

/// Before a cut, as a cut may fail halfway (a full disk): a high watermark above the log's end
/// would let the next records be read before they are committed.
void Partition::lower_high_watermark(Offset cut) {
  MutexLock lock(state_mutex_);
  set_high_watermark(std::min(high_watermark(), cut));
}

Result<bool> Partition::truncate_to_leader(LeaderEpoch epoch,
                                           rpc::PartitionPush::Divergence divergence) {
  MutexLock appends(append_mutex_);
  OTTLA_TRY(const std::shared_ptr<storage::Log> log, followers_log(epoch));
  const storage::EpochEndOffset own = divergence.leader_epoch == kUnknownLeaderEpoch
                                          ? storage::EpochEndOffset{}
                                          : log->end_offset_for_epoch(divergence.leader_epoch);
  const Offset end = log->log_end_offset();
  const TruncationPoint point = truncation_point({divergence.leader_epoch, divergence.end_offset},
                                                 own, high_watermark(), end);
  const Offset cut = std::max(point.offset, log->log_start_offset());
  LOG_IF(WARNING, cut < high_watermark())
      << '[' << name_ << "] records from " << cut << " to " << high_watermark()
      << " were committed and are cut: the leader of epoch " << epoch
      << " does not have them (unclean election)";
  LOG(INFO) << '[' << name_ << "] truncates from " << end << " to " << cut << ", leader epoch "
            << epoch << ": the leader's epoch " << divergence.leader_epoch << " ends at "
            << divergence.end_offset;
  lower_high_watermark(cut);
  OTTLA_TRY(const bool truncated, log->truncate_to(cut));
  (void)truncated;
  return point.compare_again;
}

Result<> Partition::leave_out_of_range(LeaderEpoch epoch, Offset leader_log_start,
                                       Offset leader_log_end) {
  MutexLock appends(append_mutex_);
  OTTLA_TRY(const std::shared_ptr<storage::Log> log, followers_log(epoch));
  const OutOfRangeRemedy remedy = out_of_range_remedy(
      log->log_start_offset(), log->log_end_offset(), leader_log_start, leader_log_end);
  LOG(WARNING) << '[' << name_ << "] own offsets " << log->log_start_offset() << " to "
               << log->log_end_offset() << " are outside the leader's, " << leader_log_start
               << " to " << leader_log_end << ": goes on from " << remedy.offset;
  lower_high_watermark(remedy.offset);
  if (remedy.kind == OutOfRangeRemedy::Kind::TruncateTo) {
    OTTLA_TRY(const bool truncated, log->truncate_to(remedy.offset));
    (void)truncated;
  } else {
    OTTLA_TRY_VOID(log->truncate_fully_and_start_at(remedy.offset));
  }
  MutexLock lock(state_mutex_);
  set_high_watermark(std::clamp(high_watermark(), log->log_start_offset(), log->log_end_offset()));
  return {};
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
