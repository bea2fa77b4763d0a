// JoinGroup, SyncGroup, Heartbeat, LeaveGroup.
#include <utility>

#include <glog/logging.h>

#include "broker/group/coordinator_core.h"

namespace ottla::group {
namespace {

using protocol::HeartbeatRequest;
using protocol::JoinGroupRequest;
using protocol::JoinGroupResponse;
using protocol::LeaveGroupRequest;
using protocol::LeaveGroupResponse;
using protocol::SyncGroupRequest;
using protocol::SyncGroupResponse;
using std::chrono::milliseconds;

/// As java.util.UUID writes it: member ids look the same everywhere.
std::string uuid_text(const Uuid& id) {
  const std::string hex = id.to_hex();
  return hex.substr(0, 8) + '-' + hex.substr(8, 4) + '-' + hex.substr(12, 4) + '-' +
         hex.substr(16, 4) + '-' + hex.substr(20);
}

JoinGroupResponse refused_join(const std::string& member_id, ErrorCode error) {
  JoinGroupResponse response;
  response.error_code = error;
  response.protocol_name = std::nullopt;
  response.member_id = member_id;
  return response;
}

SyncGroupResponse refused_sync(ErrorCode error) {
  SyncGroupResponse response;
  response.error_code = error;
  return response;
}

std::vector<AssignmentProtocol> protocols_of(const JoinGroupRequest& request) {
  std::vector<AssignmentProtocol> protocols;
  for (const JoinGroupRequest::Protocol& protocol : request.protocols) {
    protocols.push_back({protocol.name, std::string(as_text(protocol.metadata))});
  }
  return protocols;
}

/// Version 0 has one timeout for both.
milliseconds rebalance_timeout_of(const JoinGroupRequest& request) {
  return milliseconds(request.rebalance_timeout_ms >= 0 ? request.rebalance_timeout_ms
                                                        : request.session_timeout_ms);
}

std::string joining_text(const JoinGroupRequest& request, std::string_view what,
                         const std::string& member_id) {
  std::string text(what);
  text += " " + member_id;
  if (request.reason && !request.reason->empty()) text += " (it says: " + *request.reason + ")";
  return text;
}

/// What a member that goes on in this generation is told.
JoinGroupResponse current_generation(const Group& group, const std::string& member_id,
                                     bool with_members) {
  JoinGroupResponse response;
  response.generation_id = group.generation();
  response.protocol_type = group.protocol_type();
  response.protocol_name = group.protocol();
  response.leader = group.leader().value_or("");
  response.member_id = member_id;
  if (with_members) {
    for (const auto& [id, member] : group.members()) {
      JoinGroupResponse::Member& told = response.members.emplace_back();
      told.member_id = id;
      told.group_instance_id = member.instance_id;
      told.metadata = as_bytes(member.metadata_for(group.protocol().value_or("")));
    }
  }
  return response;
}

void set_terms(Member& member, const JoinGroupRequest& request) {
  member.protocols = protocols_of(request);
  member.rebalance_timeout = rebalance_timeout_of(request);
  member.session_timeout = milliseconds(request.session_timeout_ms);
}

}  // namespace

// JoinGroup.

void CoordinatorCore::join(const JoinCaller& caller, const JoinGroupRequest& request,
                           JoinReply reply) {
  const std::string& member_id = request.member_id;
  if (const ErrorCode error = check(request.group_id, Naming::NotEmpty); error != ErrorCode::None) {
    return std::move(reply)(refused_join(member_id, error));
  }
  const milliseconds session_timeout(request.session_timeout_ms);
  if (session_timeout < config_.min_session_timeout ||
      session_timeout > config_.max_session_timeout) {
    return std::move(reply)(refused_join(member_id, ErrorCode::InvalidSessionTimeout));
  }
  const bool is_new = member_id.empty();
  const GroupPtr group = is_new ? find_or_create(request.group_id) : find(request.group_id);
  if (!group) return std::move(reply)(refused_join(member_id, ErrorCode::UnknownMemberId));
  if (!accepts(*group, member_id)) {
    group->remove_member(member_id);
    note(*group, GroupEventKind::Refused, nullptr,
         "a member of " + caller.client_host + ": the group has group.max.size members");
    std::move(reply)(refused_join("", ErrorCode::GroupMaxSizeReached));
  } else if (!group->supports(request.protocol_type, protocols_of(request))) {
    std::move(reply)(refused_join(member_id, ErrorCode::InconsistentGroupProtocol));
  } else if (is_new) {
    join_as_new(group, caller, request, std::move(reply));
  } else {
    join_again(group, caller, request, std::move(reply));
  }
  complete_join_if_all(group);
}

bool CoordinatorCore::accepts(const Group& group, const std::string& member_id) const {
  const auto found = group.members().find(member_id);
  const bool is_member = found != group.members().end();
  switch (group.state()) {
    case GroupState::Empty:
    case GroupState::Dead:
      return true;
    case GroupState::PreparingRebalance:
      // Who has joined counts: of a group that is too large the last to join stay outside.
      return (is_member && found->second.awaiting_join != nullptr) ||
             group.awaiting_join() < config_.max_size;
    case GroupState::CompletingRebalance:
    case GroupState::Stable:
      return is_member || group.members().size() < config_.max_size;
  }
  return false;
}

void CoordinatorCore::join_as_new(const GroupPtr& group, const JoinCaller& caller,
                                  const JoinGroupRequest& request, JoinReply reply) {
  const std::string& base =
      request.group_instance_id ? *request.group_instance_id : caller.client_id;
  const std::string id = base + "-" + uuid_text(random_.uuid());
  if (request.group_instance_id) {
    const auto old_id = group->static_member(*request.group_instance_id);
    if (old_id) return replace_static(group, *old_id, id, caller, request, std::move(reply));
    return add_member(group, id, caller, request, std::move(reply));
  }
  if (caller.takes_member_id_first) {
    return give_member_id(group, id, request, std::move(reply));
  }
  add_member(group, id, caller, request, std::move(reply));
}

/// KIP-394: a client that gives up before the answer leaves no member behind, only an id.
void CoordinatorCore::give_member_id(const GroupPtr& group, const std::string& id,
                                     const JoinGroupRequest& request, JoinReply reply) {
  group->pending_members()[id] =
      timers_.add(clock_.now() + milliseconds(request.session_timeout_ms),
                  [this, id, weak = std::weak_ptr(group)] {
                    if (const auto held = weak.lock()) remove_pending(held, id);
                  });
  std::move(reply)(refused_join(id, ErrorCode::MemberIdRequired));
}

void CoordinatorCore::add_member(const GroupPtr& group, const std::string& id,
                                 const JoinCaller& caller, const JoinGroupRequest& request,
                                 JoinReply reply) {
  if (const auto pending = group->pending_members().find(id);
      pending != group->pending_members().end()) {
    timers_.remove(pending->second);
  }
  Member member;
  member.id = id;
  member.instance_id = request.group_instance_id;
  member.client_id = caller.client_id;
  member.client_host = caller.client_host;
  member.is_new = true;
  member.awaiting_join = std::move(reply);
  set_terms(member, request);
  if (group->is(GroupState::PreparingRebalance) && group->generation() == 0) {
    group->rebalance.member_added = true;
  }
  Member& added = group->add_member(std::move(member), request.protocol_type);
  // It cannot send heartbeats before it is answered, and a client that has gone away is not
  // noticed meanwhile. If it is still there after this time it will ask again.
  constexpr std::chrono::minutes kNewMemberJoinTimeout{5};
  expect_sign_of_life(group, added, kNewMemberJoinTimeout);
  note(*group, GroupEventKind::Joined, &added, "");
  rebalance_if_possible(group, joining_text(request, "new member", id));
}

void CoordinatorCore::update_member(const GroupPtr& group, Member& member,
                                    const JoinGroupRequest& request, JoinReply reply,
                                    std::string_view why) {
  set_terms(member, request);
  member.awaiting_join = std::move(reply);
  rebalance_if_possible(group, joining_text(request, why, member.id));
}

void CoordinatorCore::join_again(const GroupPtr& group, const JoinCaller& caller,
                                 const JoinGroupRequest& request, JoinReply reply) {
  const std::string& id = request.member_id;
  if (group->is_pending(id) && !request.group_instance_id) {
    return add_member(group, id, caller, request, std::move(reply));
  }
  if (const ErrorCode error = check_member(*group, id, request.group_instance_id);
      error != ErrorCode::None) {
    if (error == ErrorCode::FencedInstanceId) {
      const Member fenced{.id = id,
                          .instance_id = request.group_instance_id,
                          .client_id = caller.client_id,
                          .client_host = caller.client_host};
      note(*group, GroupEventKind::Refused, &fenced,
           "fenced: another member has taken its group.instance.id");
    }
    return std::move(reply)(refused_join(id, error));
  }
  Member& member = *group->member(id);
  const bool unchanged = member.protocols == protocols_of(request);
  switch (group->state()) {
    case GroupState::PreparingRebalance:
      return update_member(group, member, request, std::move(reply), "joined again:");
    case GroupState::CompletingRebalance:
      if (!unchanged) {
        return update_member(group, member, request, std::move(reply), "changed its metadata:");
      }
      // It did not get our answer.
      return std::move(reply)(current_generation(*group, id, group->is_leader(id)));
    case GroupState::Stable:
      if (group->is_leader(id)) {
        // It may know of a change that its metadata do not show, such as more partitions.
        return update_member(group, member, request, std::move(reply), "leader joined again:");
      }
      if (!unchanged) {
        return update_member(group, member, request, std::move(reply), "changed its metadata:");
      }
      return std::move(reply)(current_generation(*group, id, false));
    case GroupState::Empty:
    case GroupState::Dead:
      break;
  }
  std::move(reply)(refused_join(id, ErrorCode::UnknownMemberId));
}

/// A static member that was restarted goes on where it was: no rebalance as long as the group's
/// protocol stays. Whoever still uses the old id is fenced.
void CoordinatorCore::replace_static(const GroupPtr& group, const std::string& old_id,
                                     const std::string& new_id, const JoinCaller& caller,
                                     const JoinGroupRequest& request, JoinReply reply) {
  const std::string leader_before = group->leader().value_or("");
  Member& member = group->rename_member(old_id, new_id);
  note(*group, GroupEventKind::Joined, &member, "came back in the place of " + old_id);
  if (auto waiting = std::exchange(member.awaiting_join, nullptr)) {
    std::move(waiting)(refused_join(old_id, ErrorCode::FencedInstanceId));
  }
  if (auto waiting = std::exchange(member.awaiting_sync, nullptr)) {
    std::move(waiting)(refused_sync(ErrorCode::FencedInstanceId));
  }
  Member before;
  before.protocols = member.protocols;
  before.rebalance_timeout = member.rebalance_timeout;
  before.session_timeout = member.session_timeout;
  set_terms(member, request);
  member.client_id = caller.client_id;
  member.client_host = caller.client_host;
  cancel(member.session_timer);
  keep_alive(group, member);
  member.awaiting_join = std::move(reply);
  switch (group->state()) {
    case GroupState::Stable:
      if (group->select_protocol() == group->protocol()) {
        return store_replaced_static(group, old_id, std::move(before), new_id, leader_before,
                                     caller.takes_skip_assignment);
      }
      return rebalance_if_possible(group,
                                   joining_text(request, "static member came back:", new_id));
    case GroupState::CompletingRebalance:
      // The leader may be assigning to the old id just now.
      return begin_rebalance(group, joining_text(request, "static member came back:", new_id));
    case GroupState::PreparingRebalance:
    case GroupState::Empty:
    case GroupState::Dead:
      return;
  }
}

void CoordinatorCore::store_replaced_static(const GroupPtr& group, const std::string& old_id,
                                            Member before, const std::string& new_id,
                                            const std::string& leader_before,
                                            bool may_skip_assignment) {
  store_group(group, group->assignments(),
              [this, group, old_id, new_id, leader_before, may_skip_assignment,
               before = std::move(before)](ErrorCode error) mutable {
                Member* const member = group->member(new_id);
                if (group->is(GroupState::Dead) || member == nullptr) return;
                auto reply = std::exchange(member->awaiting_join, nullptr);
                if (error != ErrorCode::None) {
                  LOG(WARNING) << "[group " << group->id() << "] static member " << new_id
                               << " goes back to " << old_id << ": " << name_of(error);
                  member->protocols = std::move(before.protocols);
                  member->rebalance_timeout = before.rebalance_timeout;
                  member->session_timeout = before.session_timeout;
                  cancel(member->session_timer);
                  keep_alive(group, group->rename_member(new_id, old_id));
                  if (reply) {
                    JoinGroupResponse response = current_generation(*group, "", false);
                    response.leader = leader_before;
                    response.error_code = error;
                    std::move(reply)(response);
                  }
                  return;
                }
                if (!reply) return;  // A rebalance has begun meanwhile and has answered.
                const bool leads = may_skip_assignment && group->is_leader(new_id);
                JoinGroupResponse response = current_generation(*group, new_id, leads);
                response.skip_assignment = leads;
                // An older client is not told that it leads: its assignment would not be handed
                // out.
                if (!may_skip_assignment) response.leader = leader_before;
                std::move(reply)(response);
              });
}

// SyncGroup.

void CoordinatorCore::sync(const SyncGroupRequest& request, SyncReply reply) {
  ErrorCode error = check(request.group_id, Naming::NotEmpty);
  if (error == ErrorCode::CoordinatorLoadInProgress) {
    // The rebalance was lost with the old coordinator. So the member joins again, here.
    error = ErrorCode::RebalanceInProgress;
  }
  if (error != ErrorCode::None) return std::move(reply)(refused_sync(error));
  const GroupPtr group = find(request.group_id);
  if (!group) return std::move(reply)(refused_sync(ErrorCode::UnknownMemberId));
  error = check_member(*group, request.member_id, request.group_instance_id);
  if (error == ErrorCode::None && request.generation_id != group->generation()) {
    error = ErrorCode::IllegalGeneration;
  }
  if (error == ErrorCode::None &&
      ((request.protocol_type && request.protocol_type != group->protocol_type()) ||
       (request.protocol_name && request.protocol_name != group->protocol()))) {
    error = ErrorCode::InconsistentGroupProtocol;
  }
  if (error != ErrorCode::None) return std::move(reply)(refused_sync(error));
  sync_member(group, *group->member(request.member_id), request, std::move(reply));
}

void CoordinatorCore::sync_member(const GroupPtr& group, Member& member,
                                  const SyncGroupRequest& request, SyncReply reply) {
  switch (group->state()) {
    case GroupState::Empty:
    case GroupState::Dead:
      return std::move(reply)(refused_sync(ErrorCode::UnknownMemberId));
    case GroupState::PreparingRebalance:
      return std::move(reply)(refused_sync(ErrorCode::RebalanceInProgress));
    case GroupState::CompletingRebalance: {
      member.awaiting_sync = std::move(reply);
      note_synced(group, member.id);
      if (!group->is_leader(member.id)) return;
      std::map<std::string, std::string> assignments;
      for (const auto& [id, other] : group->members()) assignments[id] = "";
      for (const SyncGroupRequest::Assignment& assigned : request.assignments) {
        const auto to = assignments.find(assigned.member_id);
        if (to != assignments.end()) to->second = as_text(assigned.assignment);
      }
      counters_.completed_rebalances->add();
      return store_group(
          group, assignments,
          [this, group, generation = group->generation(), assignments](ErrorCode error) mutable {
            finish_sync(group, generation, std::move(assignments), error);
          });
    }
    case GroupState::Stable: {
      note_synced(group, member.id);
      SyncGroupResponse response;
      response.protocol_type = group->protocol_type();
      response.protocol_name = group->protocol();
      response.assignment = as_bytes(member.assignment);
      std::move(reply)(response);
      return keep_alive(group, member);
    }
  }
}

/// The assignments are in the log. Meanwhile another rebalance may have begun: then they are void.
void CoordinatorCore::finish_sync(const GroupPtr& group, std::int32_t generation,
                                  std::map<std::string, std::string> assignments, ErrorCode error) {
  if (!group->is(GroupState::CompletingRebalance) || group->generation() != generation) return;
  if (error != ErrorCode::None) {
    for (auto& [id, member] : group->members()) member.assignment.clear();
    hand_out_assignments(group, error);
    return rebalance_if_possible(group, "the assignment could not be stored");
  }
  for (auto& [id, member] : group->members()) member.assignment = assignments[id];
  group->transition_to(GroupState::Stable, clock_.wall_now_ms());
  LOG(INFO) << "[group " << group->id() << "] generation " << generation << " is stable with "
            << group->members().size() << " members";
  note_rebalance_end(*group);
  hand_out_assignments(group, ErrorCode::None);
}

// Heartbeat.

ErrorCode CoordinatorCore::heartbeat(const HeartbeatRequest& request) {
  const ErrorCode unserved = check(request.group_id, Naming::NotEmpty);
  // While the group is being read nobody can tell: the member goes on.
  if (unserved == ErrorCode::CoordinatorLoadInProgress) return ErrorCode::None;
  if (unserved != ErrorCode::None) return unserved;
  const GroupPtr group = find(request.group_id);
  if (!group) return ErrorCode::UnknownMemberId;
  if (const ErrorCode error = check_member(*group, request.member_id, request.group_instance_id);
      error != ErrorCode::None) {
    return error;
  }
  if (request.generation_id != group->generation()) return ErrorCode::IllegalGeneration;
  switch (group->state()) {
    case GroupState::Empty:
    case GroupState::Dead:
      return ErrorCode::UnknownMemberId;
    case GroupState::PreparingRebalance:
      keep_alive(group, *group->member(request.member_id));
      return ErrorCode::RebalanceInProgress;
    case GroupState::CompletingRebalance:
    case GroupState::Stable:
      keep_alive(group, *group->member(request.member_id));
      return ErrorCode::None;
  }
  return ErrorCode::UnknownMemberId;
}

// LeaveGroup.

LeaveGroupResponse CoordinatorCore::leave(const std::string& id,
                                          const std::vector<LeaveGroupRequest::Member>& members) {
  LeaveGroupResponse response;
  response.error_code = check(id, Naming::NotEmpty);
  if (response.error_code != ErrorCode::None) return response;
  const GroupPtr group = find(id);
  for (const LeaveGroupRequest::Member& leaving : members) {
    LeaveGroupResponse::Member& told = response.members.emplace_back();
    told.member_id = leaving.member_id;
    told.group_instance_id = leaving.group_instance_id;
    told.error_code = ErrorCode::UnknownMemberId;
    if (!group) continue;
    std::string why = "member left: ";
    if (leaving.reason && !leaving.reason->empty()) {
      why = "member left (it says: " + *leaving.reason + "): ";
    }
    if (leaving.member_id.empty()) {
      // An operator removes a static member, whose id he cannot know.
      const auto held = leaving.group_instance_id ? group->static_member(*leaving.group_instance_id)
                                                  : std::nullopt;
      if (!held) continue;
      told.error_code = ErrorCode::None;
      remove_member(group, *held, why + *held);
    } else if (group->is_pending(leaving.member_id)) {
      told.error_code = ErrorCode::None;
      remove_pending(group, leaving.member_id);
    } else {
      told.error_code = check_member(*group, leaving.member_id, leaving.group_instance_id);
      if (told.error_code != ErrorCode::None) continue;
      remove_member(group, leaving.member_id, why + leaving.member_id);
    }
  }
  return response;
}

// What they share.

ErrorCode CoordinatorCore::check_member(Group& group, const std::string& member_id,
                                        const std::optional<std::string>& instance_id) {
  if (instance_id) {
    const auto held = group.static_member(*instance_id);
    if (!held) return ErrorCode::UnknownMemberId;
    if (*held != member_id) return ErrorCode::FencedInstanceId;
  }
  return group.member(member_id) == nullptr ? ErrorCode::UnknownMemberId : ErrorCode::None;
}

void CoordinatorCore::remove_member(const GroupPtr& group, const std::string& id,
                                    std::string_view why) {
  Member& member = *group->member(id);
  cancel(member.session_timer);
  auto join_reply = std::exchange(member.awaiting_join, nullptr);
  auto sync_reply = std::exchange(member.awaiting_sync, nullptr);
  note(*group, GroupEventKind::Left, &member, std::string(why));
  group->remove_member(id);
  // If somebody is still waiting there, it joins anew.
  if (join_reply) std::move(join_reply)(refused_join("", ErrorCode::UnknownMemberId));
  if (sync_reply) std::move(sync_reply)(refused_sync(ErrorCode::UnknownMemberId));
  switch (group->state()) {
    case GroupState::Stable:
    case GroupState::CompletingRebalance:
      return rebalance_if_possible(group, why);
    case GroupState::PreparingRebalance:
      return complete_join_if_all(group);
    case GroupState::Empty:
    case GroupState::Dead:
      return;
  }
}

void CoordinatorCore::remove_pending(const GroupPtr& group, const std::string& id) {
  const auto pending = group->pending_members().find(id);
  if (pending == group->pending_members().end()) return;
  timers_.remove(pending->second);
  group->remove_member(id);
  complete_join_if_all(group);
}

}  // namespace ottla::group
