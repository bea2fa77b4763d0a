// What moves a group from one generation to the next, and sessions.
#include <algorithm>
#include <utility>

#include <glog/logging.h>

#include "broker/group/coordinator_core.h"

namespace ottla::group {

using std::chrono::milliseconds;

void CoordinatorCore::rebalance_if_possible(const GroupPtr& group, std::string_view why) {
  if (may_follow(group->state(), GroupState::PreparingRebalance)) begin_rebalance(group, why);
}

void CoordinatorCore::begin_rebalance(const GroupPtr& group, std::string_view why) {
  if (group->is(GroupState::CompletingRebalance)) {
    for (auto& [id, member] : group->members()) member.assignment.clear();
    hand_out_assignments(group, ErrorCode::RebalanceInProgress);
  }
  cancel(group->rebalance.sync_timer);
  LOG(INFO) << "[group " << group->id() << "] rebalances after generation " << group->generation()
            << ": " << why;
  note(*group, GroupEventKind::RebalanceBegan, nullptr, std::string(why));
  if (!group->rebalance.began) group->rebalance.began = clock_.wall_now_ms();
  const milliseconds longest = group->rebalance_timeout();
  group->rebalance.initial = group->is(GroupState::Empty);
  group->transition_to(GroupState::PreparingRebalance, clock_.wall_now_ms());
  if (!group->rebalance.initial) {
    wait_for_joins(group, longest);
    return complete_join_if_all(group);
  }
  // Members of a new application come one after another: one rebalance for all of them.
  const milliseconds delay = config_.initial_rebalance_delay;
  group->rebalance.member_added = false;
  group->rebalance.initial_wait_left = std::max(longest - delay, milliseconds(0));
  wait_for_joins(group, delay);
}

void CoordinatorCore::wait_for_joins(const GroupPtr& group, milliseconds timeout) {
  cancel(group->rebalance.join_timer);
  group->rebalance.join_timer =
      timers_.add(clock_.now() + timeout, [this, weak = std::weak_ptr(group)] {
        const auto held = weak.lock();
        if (!held) return;
        held->rebalance.join_timer.reset();
        on_join_time(held);
      });
}

void CoordinatorCore::complete_join_if_all(const GroupPtr& group) {
  if (!group->is(GroupState::PreparingRebalance) || group->rebalance.initial) return;
  if (group->all_have_joined()) complete_join(group);
}

void CoordinatorCore::on_join_time(const GroupPtr& group) {
  if (!group->is(GroupState::PreparingRebalance)) return;
  Group::Rebalance& rebalance = group->rebalance;
  if (rebalance.initial && rebalance.member_added && rebalance.initial_wait_left.count() > 0) {
    rebalance.member_added = false;
    const milliseconds more =
        std::min(config_.initial_rebalance_delay, rebalance.initial_wait_left);
    rebalance.initial_wait_left -= more;
    return wait_for_joins(group, more);
  }
  complete_join(group);
}

void CoordinatorCore::complete_join(const GroupPtr& group) {
  cancel(group->rebalance.join_timer);
  group->rebalance.initial = false;
  drop_those_who_did_not_join(group);
  if (!group->elect_joined_leader() && !group->members().empty()) {
    // Only static members that are away: they keep their places until their sessions end.
    LOG(INFO) << "[group " << group->id() << "] none of " << group->members().size()
              << " static members has joined, the group goes on waiting";
    return wait_for_joins(group, group->rebalance_timeout());
  }
  group->begin_generation(clock_.wall_now_ms());
  if (!group->is(GroupState::Empty)) return announce_generation(group);
  LOG(INFO) << "[group " << group->id() << "] is empty, generation " << group->generation();
  note_rebalance_end(*group);
  // If it is lost the old members come back in a failover, and then their sessions end.
  store_group(group, {}, [](ErrorCode) {});
}

void CoordinatorCore::drop_those_who_did_not_join(const GroupPtr& group) {
  std::vector<std::string> dropped;
  for (auto& [id, member] : group->members()) {
    if (member.awaiting_join != nullptr || member.instance_id) continue;
    dropped.push_back(id);
    cancel(member.session_timer);
  }
  for (const std::string& id : dropped) {
    LOG(INFO) << "[group " << group->id() << "] member " << id << " did not join again in time";
    note(*group, GroupEventKind::Left, group->member(id),
         "did not join again within the rebalance timeout");
    group->remove_member(id);
  }
}

void CoordinatorCore::announce_generation(const GroupPtr& group) {
  LOG(INFO) << "[group " << group->id() << "] generation " << group->generation() << " has "
            << group->members().size() << " members, protocol " << group->protocol().value_or("");
  protocol::JoinGroupResponse response;
  response.generation_id = group->generation();
  response.protocol_type = group->protocol_type();
  response.protocol_name = group->protocol();
  response.leader = group->leader().value_or("");
  protocol::JoinGroupResponse to_leader = response;
  for (const auto& [id, member] : group->members()) {
    auto& told = to_leader.members.emplace_back();
    told.member_id = id;
    told.group_instance_id = member.instance_id;
    told.metadata = as_bytes(member.metadata_for(*group->protocol()));
  }
  for (auto& [id, member] : group->members()) {
    group->pending_syncs().insert(id);
    member.is_new = false;
    auto reply = std::exchange(member.awaiting_join, nullptr);
    keep_alive(group, member);
    if (!reply) continue;
    auto& told = group->is_leader(id) ? to_leader : response;
    told.member_id = id;
    std::move(reply)(told);
  }
  group->rebalance.sync_timer =
      timers_.add(clock_.now() + group->rebalance_timeout(),
                  [this, generation = group->generation(), weak = std::weak_ptr(group)] {
                    const auto held = weak.lock();
                    if (!held) return;
                    held->rebalance.sync_timer.reset();
                    on_sync_time(held, generation);
                  });
}

/// KAFKA-13214 and the like: a member that joined and then never asks for its assignment would
/// hold the group up for as long as it sends heartbeats.
void CoordinatorCore::on_sync_time(const GroupPtr& group, std::int32_t generation) {
  if (group->generation() != generation || group->pending_syncs().empty()) return;
  if (!group->is(GroupState::CompletingRebalance) && !group->is(GroupState::Stable)) return;
  const std::set<std::string> silent = group->pending_syncs();
  for (const std::string& id : silent) {
    LOG(INFO) << "[group " << group->id() << "] member " << id << " did not ask for its assignment";
    if (Member* const member = group->member(id)) {
      cancel(member->session_timer);
      note(*group, GroupEventKind::Left, member, "did not ask for its assignment in time");
    }
    group->remove_member(id);
  }
  begin_rebalance(group, "members did not ask for their assignments in time");
}

void CoordinatorCore::note_synced(const GroupPtr& group, const std::string& member_id) {
  group->pending_syncs().erase(member_id);
  if (group->pending_syncs().empty()) cancel(group->rebalance.sync_timer);
}

/// Answers those who wait in SyncGroup.
void CoordinatorCore::hand_out_assignments(const GroupPtr& group, ErrorCode error) {
  protocol::SyncGroupResponse response;
  response.error_code = error;
  if (error == ErrorCode::None) {
    response.protocol_type = group->protocol_type();
    response.protocol_name = group->protocol();
  }
  for (auto& [id, member] : group->members()) {
    auto reply = std::exchange(member.awaiting_sync, nullptr);
    if (!reply) continue;
    // Its session stood still while it waited for us.
    keep_alive(group, member);
    response.assignment = as_bytes(member.assignment);
    std::move(reply)(response);
  }
}

// Sessions.

void CoordinatorCore::cancel(std::optional<env::TimerQueue::Key>& timer) {
  if (timer) timers_.remove(*timer);
  timer.reset();
}

void CoordinatorCore::keep_alive(const GroupPtr& group, Member& member) {
  expect_sign_of_life(group, member, member.session_timeout);
}

/// A heartbeat only moves `session_end`: the timer that is set looks again when it comes.
void CoordinatorCore::expect_sign_of_life(const GroupPtr& group, Member& member,
                                          env::Duration within) {
  member.session_end = clock_.now() + within;
  if (member.session_timer && member.session_timer->first <= *member.session_end) return;
  cancel(member.session_timer);
  member.session_timer =
      timers_.add(*member.session_end, [this, id = member.id, weak = std::weak_ptr(group)] {
        if (const auto held = weak.lock()) on_session_time(held, id);
      });
}

void CoordinatorCore::on_session_time(const GroupPtr& group, const std::string& member_id) {
  Member* const member = group->member(member_id);
  if (member == nullptr || group->is(GroupState::Dead)) return;
  member->session_timer.reset();
  if (!member->session_end) return;
  if (*member->session_end > clock_.now()) {
    return expect_sign_of_life(group, *member, *member->session_end - clock_.now());
  }
  const bool waits_for_us = member->awaiting_join != nullptr || member->awaiting_sync != nullptr;
  if (!member->is_new && waits_for_us) {
    member->session_end.reset();
    return;
  }
  remove_member(group, member_id,
                "no heartbeat of member " + member_id + " within its session timeout");
}

}  // namespace ottla::group
