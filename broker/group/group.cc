#include "broker/group/group.h"

#include <algorithm>
#include <utility>

#include <glog/logging.h>

#include "common/protocol/frame.h"
#include "common/protocol/messages/consumer_protocol.h"
#include "common/protocol/messages/join_group.h"
#include "common/protocol/messages/sync_group.h"

namespace ottla::group {
namespace {

/// Topics of a consumer's subscription, in whatever version it wrote it.
std::optional<std::vector<std::string>> topics_of(ByteView subscription) {
  if (subscription.size() < sizeof(std::int16_t)) return std::nullopt;
  const auto version = load_big_endian<std::int16_t>(subscription.data());
  if (version < 0) return std::nullopt;
  const auto newest = protocol::ConsumerProtocolSubscription::kVersions.last;
  auto decoded = protocol::decode<protocol::ConsumerProtocolSubscription>(
      subscription.subspan(sizeof(std::int16_t)), protocol::ApiVersion(std::min(version, newest)));
  if (!decoded) return std::nullopt;
  return std::move(decoded->topics);
}

}  // namespace

const std::string& Member::metadata_for(const std::string& protocol) const {
  static const std::string kNone;
  const auto found = std::ranges::find(protocols, protocol, &AssignmentProtocol::name);
  return found == protocols.end() ? kNone : found->metadata;
}

void Group::restore(const GroupImage& image) {
  state_ = image.members.empty() ? GroupState::Empty : GroupState::Stable;
  state_time_ = image.state_time;
  generation_ = image.generation;
  if (!image.protocol_type.empty()) protocol_type_ = image.protocol_type;
  protocol_ = image.protocol;
  leader_ = image.leader;
  for (const GroupImage::Member& stored : image.members) {
    Member member;
    member.id = stored.id;
    member.instance_id = stored.instance_id;
    member.client_id = stored.client_id;
    member.client_host = stored.client_host;
    member.rebalance_timeout = std::chrono::milliseconds(stored.rebalance_timeout_ms);
    member.session_timeout = std::chrono::milliseconds(stored.session_timeout_ms);
    member.protocols = {{image.protocol.value_or(""), stored.subscription}};
    member.assignment = stored.assignment;
    if (member.instance_id) static_members_[*member.instance_id] = member.id;
    members_[member.id] = std::move(member);
  }
  subscribed_topics_ = find_subscribed_topics();
}

void Group::transition_to(GroupState state, env::WallTimeMs now) {
  CHECK(may_follow(state_, state))
      << "group " << id_ << ": " << name_of(state_) << " -> " << name_of(state);
  state_ = state;
  state_time_ = now;
}

Member* Group::member(const std::string& id) {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

std::optional<std::string> Group::static_member(const std::string& instance_id) const {
  const auto found = static_members_.find(instance_id);
  if (found == static_members_.end()) return std::nullopt;
  return found->second;
}

Member& Group::add_member(Member member, const std::string& protocol_type) {
  if (members_.empty()) protocol_type_ = protocol_type;
  if (!leader_) leader_ = member.id;
  if (member.instance_id) static_members_[*member.instance_id] = member.id;
  pending_members_.erase(member.id);
  const std::string id = member.id;
  return members_[id] = std::move(member);
}

Member& Group::rename_member(const std::string& old_id, const std::string& new_id) {
  auto node = members_.extract(old_id);
  CHECK(!node.empty()) << "group " << id_ << ": no member " << old_id;
  node.key() = new_id;
  Member& member = members_.insert(std::move(node)).position->second;
  member.id = new_id;
  if (member.instance_id) static_members_[*member.instance_id] = new_id;
  if (is_leader(old_id)) leader_ = new_id;
  if (pending_syncs_.erase(old_id) > 0) pending_syncs_.insert(new_id);
  return member;
}

void Group::remove_member(const std::string& id) {
  if (const Member* const leaving = member(id)) {
    const auto held =
        leaving->instance_id ? static_members_.find(*leaving->instance_id) : static_members_.end();
    if (held != static_members_.end() && held->second == id) static_members_.erase(held);
    members_.erase(id);
  }
  if (is_leader(id)) {
    leader_.reset();
    if (!members_.empty()) leader_ = members_.begin()->first;
  }
  pending_members_.erase(id);
  pending_syncs_.erase(id);
}

std::size_t Group::awaiting_join() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      members_, [](const auto& entry) { return entry.second.awaiting_join != nullptr; }));
}

bool Group::all_have_joined() const {
  return pending_members_.empty() && awaiting_join() == members_.size();
}

std::chrono::milliseconds Group::rebalance_timeout() const {
  std::chrono::milliseconds longest{0};
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

std::set<std::string> Group::common_protocols() const {
  std::set<std::string> common;
  bool first = true;
  for (const auto& [id, member] : members_) {
    std::set<std::string> known;
    for (const AssignmentProtocol& protocol : member.protocols) {
      if (first || common.contains(protocol.name)) known.insert(protocol.name);
    }
    common = std::move(known);
    first = false;
  }
  return common;
}

bool Group::supports(const std::string& protocol_type,
                     const std::vector<AssignmentProtocol>& protocols) const {
  if (is(GroupState::Empty)) return !protocol_type.empty() && !protocols.empty();
  if (protocol_type_ != protocol_type) return false;
  // All others may have left meanwhile.
  if (members_.empty()) return !protocols.empty();
  const auto common = common_protocols();
  return std::ranges::any_of(protocols, [&](const auto& p) { return common.contains(p.name); });
}

std::string Group::select_protocol() const {
  const auto candidates = common_protocols();
  std::map<std::string, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    const auto vote = std::ranges::find_if(
        member.protocols, [&](const auto& p) { return candidates.contains(p.name); });
    if (vote != member.protocols.end()) ++votes[vote->name];
  }
  std::string chosen;
  std::size_t most = 0;
  for (const auto& [name, count] : votes) {
    if (count > most) {
      chosen = name;
      most = count;
    }
  }
  return chosen;
}

bool Group::elect_joined_leader() {
  if (!leader_) return false;
  const Member* const current = member(*leader_);
  if (current != nullptr && current->awaiting_join != nullptr) return true;
  for (const auto& [id, member] : members_) {
    if (member.awaiting_join == nullptr) continue;
    leader_ = id;
    return true;
  }
  return false;
}

void Group::begin_generation(env::WallTimeMs now) {
  ++generation_;
  pending_syncs_.clear();
  if (members_.empty()) {
    protocol_.reset();
    leader_.reset();
    transition_to(GroupState::Empty, now);
  } else {
    protocol_ = select_protocol();
    transition_to(GroupState::CompletingRebalance, now);
  }
  subscribed_topics_ = find_subscribed_topics();
}

std::optional<std::set<std::string>> Group::find_subscribed_topics() const {
  if (protocol_type_ != kConsumerProtocolType) return std::nullopt;
  std::set<std::string> topics;
  for (const auto& [id, member] : members_) {
    if (!protocol_) return std::nullopt;
    const auto subscribed = topics_of(as_bytes(member.metadata_for(*protocol_)));
    if (!subscribed) return std::nullopt;
    topics.insert(subscribed->begin(), subscribed->end());
  }
  return topics;
}

GroupImage Group::image(const std::map<std::string, std::string>& assignments) const {
  GroupImage image;
  image.protocol_type = protocol_type_.value_or("");
  image.generation = generation_;
  image.protocol = protocol_;
  image.leader = leader_;
  image.state_time = state_time_;
  for (const auto& [id, member] : members_) {
    GroupImage::Member& stored = image.members.emplace_back();
    stored.id = id;
    stored.instance_id = member.instance_id;
    stored.client_id = member.client_id;
    stored.client_host = member.client_host;
    stored.rebalance_timeout_ms = static_cast<std::int32_t>(member.rebalance_timeout.count());
    stored.session_timeout_ms = static_cast<std::int32_t>(member.session_timeout.count());
    if (protocol_) stored.subscription = member.metadata_for(*protocol_);
    const auto assigned = assignments.find(id);
    if (assigned != assignments.end()) stored.assignment = assigned->second;
  }
  return image;
}

std::map<std::string, std::string> Group::assignments() const {
  std::map<std::string, std::string> all;
  for (const auto& [id, member] : members_) all[id] = member.assignment;
  return all;
}

}  // namespace ottla::group
