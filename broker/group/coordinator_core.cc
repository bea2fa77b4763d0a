#include "broker/group/coordinator_core.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <glog/logging.h>

#include "common/cluster/coordinator_error.h"

namespace ottla::group {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

/// What a member is told when the group's metadata could not be stored.
ErrorCode store_error(ErrorCode error) {
  return cluster::coordinator_error(error, ErrorCode::UnknownServerError);
}

}  // namespace

CoordinatorCore::CoordinatorCore(const GroupConfig& config, env::Clock& clock, env::Random& random,
                                 OffsetsLog& log, GroupCounters counters)
    : config_(config),
      clock_(clock),
      random_(random),
      log_(log),
      counters_(std::move(counters)),
      partition_count_(config.topic_partitions) {}

// Which groups are ours.

bool CoordinatorCore::begin_loading(std::int32_t partition, LeaderEpoch epoch) {
  const auto found = shards_.find(partition);
  if (found == shards_.end()) {
    shards_[partition].epoch = epoch;
    shards_[partition].elected = clock_.now();
    return true;
  }
  Shard& shard = found->second;
  if (epoch <= shard.epoch) return false;
  shard.epoch = epoch;
  return shard.loading;
}

bool CoordinatorCore::is_loading(std::int32_t partition, LeaderEpoch epoch) const {
  const auto found = shards_.find(partition);
  return found != shards_.end() && found->second.loading && found->second.epoch == epoch;
}

void CoordinatorCore::finish_loading(std::int32_t partition, LeaderEpoch epoch, LoadedGroups groups,
                                     EndedOffsets ended) {
  if (!is_loading(partition, epoch)) return;
  Shard& shard = shards_.at(partition);
  shard.loading = false;
  shard.since = clock_.wall_now_ms();
  shard.groups = std::move(groups);
  shard.ended = std::move(ended);
  for (const auto& [id, group] : shard.groups) {
    for (const auto& [producer, offsets] : group->offsets.open_transactions()) {
      shard.transactions[producer].insert(id);
    }
  }
  for (const Shard::Marker& marker : std::exchange(shard.markers_while_loading, {})) {
    end_transaction(partition, marker.producer, marker.is_commit, marker.at);
  }
  // What follows may remove groups: it works on copies.
  for (const auto& [id, group] : LoadedGroups(shard.groups)) {
    for (auto& [member_id, member] : group->members()) keep_alive(group, member);
    if (group->members().size() > config_.max_size) {
      begin_rebalance(group, "it is larger than group.max.size");
    }
  }
}

void CoordinatorCore::resign(std::int32_t partition) {
  const auto node = shards_.extract(partition);
  if (node.empty()) return;
  for (const auto& [id, group] : node.mapped().groups) {
    if (history_.knows(id)) note(*group, GroupEventKind::Resigned, nullptr, "");
    group->transition_to(GroupState::Dead, clock_.wall_now_ms());
    cancel(group->rebalance.join_timer);
    cancel(group->rebalance.sync_timer);
    for (auto& [pending, timer] : group->pending_members()) timers_.remove(timer);
    for (auto& [member_id, member] : group->members()) {
      cancel(member.session_timer);
      if (auto reply = std::exchange(member.awaiting_join, nullptr)) {
        protocol::JoinGroupResponse response;
        response.error_code = ErrorCode::NotCoordinator;
        response.protocol_name = std::nullopt;
        response.member_id = member_id;
        std::move(reply)(response);
      }
      if (auto reply = std::exchange(member.awaiting_sync, nullptr)) {
        protocol::SyncGroupResponse response;
        response.error_code = ErrorCode::NotCoordinator;
        std::move(reply)(response);
      }
    }
  }
}

void CoordinatorCore::run_due() {
  timers_.run_due(clock_.now());
}

ErrorCode CoordinatorCore::check(const std::string& group, Naming naming) const {
  if (group.empty() && naming == Naming::NotEmpty) return ErrorCode::InvalidGroupId;
  const auto found = shards_.find(shard_of(group));
  if (found == shards_.end()) return ErrorCode::NotCoordinator;
  return found->second.loading ? ErrorCode::CoordinatorLoadInProgress : ErrorCode::None;
}

CoordinatorCore::GroupPtr CoordinatorCore::find(const std::string& group) const {
  const auto shard = shards_.find(shard_of(group));
  if (shard == shards_.end()) return nullptr;
  const auto found = shard->second.groups.find(group);
  return found == shard->second.groups.end() ? nullptr : found->second;
}

CoordinatorCore::GroupPtr CoordinatorCore::find_or_create(const std::string& group) {
  GroupPtr& held = shards_.at(shard_of(group)).groups[group];
  if (!held) held = std::make_shared<Group>(group);
  return held;
}

void CoordinatorCore::forget(const Group& group) {
  const auto shard = shards_.find(shard_of(group.id()));
  if (shard == shards_.end()) return;
  const auto held = shard->second.groups.find(group.id());
  if (held != shard->second.groups.end() && held->second.get() == &group) {
    shard->second.groups.erase(held);
  }
}

void CoordinatorCore::append(const std::string& group, std::vector<LogRecord> records,
                             Callback<OffsetsLog::Outcome> done,
                             const std::optional<CommittingTransaction>& transaction) {
  const std::int32_t partition = shard_of(group);
  const auto shard = shards_.find(partition);
  if (shard == shards_.end()) return std::move(done)({.error = ErrorCode::NotLeaderOrFollower});
  log_.append(partition, shard->second.epoch, std::move(records), transaction, std::move(done));
}

void CoordinatorCore::store_group(const GroupPtr& group,
                                  const std::map<std::string, std::string>& assignments,
                                  Callback<ErrorCode> done) {
  auto record = group_record(group->id(), group->image(assignments));
  if (!record) return std::move(done)(record.error().code());
  append(group->id(), {*std::move(record)},
         [id = group->id(), done = std::move(done)](const OffsetsLog::Outcome& outcome) mutable {
           if (outcome.error != ErrorCode::None) {
             LOG(WARNING) << "[group " << id << "] not stored: " << name_of(outcome.error);
           }
           std::move(done)(store_error(outcome.error));
         });
}

// Operators.

GroupDescription CoordinatorCore::describe(const std::string& id) const {
  GroupDescription description;
  description.error = check(id, Naming::Any);
  if (description.error != ErrorCode::None) return description;
  const GroupPtr group = find(id);
  if (!group) {
    description.state = name_of(GroupState::Dead);
    return description;
  }
  const bool stable = group->is(GroupState::Stable);
  description.state = name_of(group->state());
  description.protocol_type = group->protocol_type().value_or("");
  if (stable) description.protocol = group->protocol().value_or("");
  for (const auto& [member_id, member] : group->members()) {
    GroupDescription::Member& described = description.members.emplace_back();
    described.id = member_id;
    described.instance_id = member.instance_id;
    described.client_id = member.client_id;
    described.client_host = member.client_host;
    if (!stable) continue;
    described.metadata = member.metadata_for(description.protocol);
    described.assignment = member.assignment;
  }
  return description;
}

GroupAccount CoordinatorCore::explain(const std::string& id) const {
  GroupAccount account{.error = check(id, Naming::Any), .now = clock_.wall_now_ms()};
  account.events = history_.of(id);
  if (account.error != ErrorCode::None) return account;
  const Shard& shard = shards_.at(shard_of(id));
  account.coordinator_since = shard.since;
  account.leader_epoch = shard.epoch;
  account.ended_offsets = kept_offsets(id);
  const GroupPtr group = find(id);
  account.state = name_of(group ? group->state() : GroupState::Dead);
  if (!group) return account;
  account.generation = group->generation();
  account.protocol_type = group->protocol_type().value_or("");
  account.protocol = group->protocol().value_or("");
  account.leader = group->leader().value_or("");
  account.rebalance_began = group->rebalance.began.value_or(-1);
  for (const auto& [member_id, member] : group->members()) {
    GroupAccount::Member& told = account.members.emplace_back();
    told.id = member_id;
    told.instance_id = member.instance_id;
    told.client_id = member.client_id;
    told.client_host = member.client_host;
    told.session_timeout_ms = static_cast<std::int32_t>(member.session_timeout.count());
    told.rebalance_timeout_ms = static_cast<std::int32_t>(member.rebalance_timeout.count());
    told.waits_to_join = member.awaiting_join != nullptr;
    told.waits_to_sync = member.awaiting_sync != nullptr;
    if (!member.session_end || member.is_new) continue;
    const auto silent = clock_.now() + member.session_timeout - *member.session_end;
    told.silent_ms = std::chrono::duration_cast<std::chrono::milliseconds>(silent).count();
  }
  return account;
}

void CoordinatorCore::note(const Group& group, GroupEventKind kind, const Member* member,
                           std::string why) {
  GroupEvent event{.at = clock_.wall_now_ms(),
                   .kind = kind,
                   .why = std::move(why),
                   .generation = group.generation(),
                   .members = static_cast<std::int32_t>(group.members().size())};
  if (kind == GroupEventKind::Left) --event.members;
  if (member != nullptr) {
    event.member = member->id;
    event.client = member->client_id + ", " + member->client_host;
    if (member->instance_id) event.client += ", static as " + *member->instance_id;
  }
  history_.note(group.id(), std::move(event));
}

void CoordinatorCore::note_rebalance_end(Group& group) {
  if (!group.rebalance.began) return;
  const env::WallTimeMs now = clock_.wall_now_ms();
  history_.note(group.id(), {.at = now,
                             .kind = GroupEventKind::RebalanceEnded,
                             .generation = group.generation(),
                             .members = static_cast<std::int32_t>(group.members().size()),
                             .took_ms = now - *group.rebalance.began});
  group.rebalance.began.reset();
}

GroupList CoordinatorCore::list(const std::vector<std::string>& states) const {
  std::set<std::string> wanted;
  for (const std::string& state : states) wanted.insert(lower_case(state));
  GroupList listed;
  for (const auto& [partition, shard] : shards_) {
    if (shard.loading) listed.error = ErrorCode::CoordinatorLoadInProgress;
    for (const auto& [id, group] : shard.groups) {
      if (!wanted.empty() && !wanted.contains(lower_case(name_of(group->state())))) continue;
      listed.groups.push_back({id, group->protocol_type().value_or(""), group->state()});
    }
  }
  return listed;
}

void CoordinatorCore::delete_group(const std::string& id, Callback<ErrorCode> done) {
  if (const ErrorCode error = check(id, Naming::Any); error != ErrorCode::None) {
    return std::move(done)(error);
  }
  const GroupPtr group = find(id);
  if (!group) return std::move(done)(ErrorCode::GroupIdNotFound);
  if (!group->is(GroupState::Empty)) return std::move(done)(ErrorCode::NonEmptyGroup);
  const auto held = group->offsets.partitions();
  counters_.deletions->add(static_cast<std::int64_t>(held.size()));
  LOG(INFO) << "[group " << id << "] deleted, with " << held.size() << " offsets";
  note(*group, GroupEventKind::OffsetsEnded, nullptr,
       "the group was deleted, with " + std::to_string(held.size()) + " offsets");
  remove_offsets(group, {held.begin(), held.end()}, OffsetEnd::GroupDeleted, std::move(done));
}

CoordinatorCore::Sizes CoordinatorCore::sizes() const {
  Sizes sizes;
  for (const auto& [partition, shard] : shards_) {
    if (shard.loading) ++sizes.partitions_loading;
    for (const auto& [id, group] : shard.groups) {
      ++sizes.groups[group->state()];
      sizes.offsets += group->offsets.committed().size();
      if (group->is_expiry_foretold) ++sizes.groups_expiring_soon;
    }
  }
  return sizes;
}

std::vector<CoordinatorCore::GroupPtr> CoordinatorCore::all_groups() const {
  std::vector<GroupPtr> all;
  for (const auto& [partition, shard] : shards_) {
    for (const auto& [id, group] : shard.groups) all.push_back(group);
  }
  return all;
}

}  // namespace ottla::group
