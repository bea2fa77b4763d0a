#include "broker/replica/partition_health.h"

#include <algorithm>

#include "broker/replica/partition.h"

namespace ottla::replica {

IsrHistory::Kept& IsrHistory::kept() {
  if (!kept_) kept_ = std::make_unique<Kept>();
  return *kept_;
}

void IsrHistory::removed(const IsrRemoval& removal) {
  std::erase_if(kept().removals,
                [&](const IsrRemoval& old) { return old.broker == removal.broker; });
  kept().removals.push_back(removal);
}

void IsrHistory::asked(const std::vector<BrokerId>& members, env::MonotonicTime now) {
  kept().request = IsrRequestNote{members, now, std::nullopt};
}

void IsrHistory::answered(ErrorCode error) {
  if (kept_ && kept_->request) kept_->request->answer = error;
}

std::optional<IsrRemoval> IsrHistory::removal_of(BrokerId broker) const {
  if (!kept_) return std::nullopt;
  const auto found = std::ranges::find(kept_->removals, broker, &IsrRemoval::broker);
  return found == kept_->removals.end() ? std::nullopt : std::optional(*found);
}

std::optional<IsrRequestNote> IsrHistory::last_request() const {
  return kept_ ? kept_->request : std::nullopt;
}

bool IsrHistory::was_refused_since(env::MonotonicTime since) const {
  return kept_ && kept_->request && kept_->request->at > since &&
         kept_->request->answer == ErrorCode::IneligibleReplica;
}

PartitionHealth Partition::health() const {
  PartitionHealth health;
  MutexLock lock(state_mutex_);
  const env::MonotonicTime now = context_->clock.now();
  health.now = now;
  health.role = role_;
  health.offline_reason = offline_reason_;
  health.leader = leader_;
  health.leader_epoch = leader_epoch_;
  if (log_) {
    health.log_start_offset = log_->log_start_offset();
    health.log_end_offset = log_->log_end_offset();
    health.high_watermark = high_watermark();
    health.is_log_dir_full = !log_->has_room();
    health.is_log_dir_slow = log_->is_on_slow_disk();
  }
  if (last_cut_) health.last_cut = *last_cut_;
  if (role_ != Role::Leader) return health;
  health.isr = isr_.committed();
  health.min_isr = min_isr();
  health.max_lag = context_->max_lag;
  if (isr_.is_pending()) health.asks_isr = isr_.proposed();
  health.last_isr_request = isr_history_.last_request();
  for (const FollowerState& follower : followers_) {
    FollowerHealth& told = health.followers.emplace_back();
    told.broker = follower.broker;
    told.in_isr = isr_.contains(follower.broker);
    told.subscribed = follower.subscribed;
    told.is_withheld = follower.is_withheld;
    told.log_end_offset = follower.log_end_offset;
    if (follower.log_end_offset >= health.log_end_offset) {
      told.caught_up_ago = env::Duration{};
    } else if (follower.caught_up_at) {
      told.caught_up_ago = now - *follower.caught_up_at;
    }
    told.removal = isr_history_.removal_of(follower.broker);
  }
  return health;
}

}  // namespace ottla::replica
