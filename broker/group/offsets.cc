// OffsetCommit, OffsetFetch, OffsetDelete, and the end of offsets that nobody uses.
#include <algorithm>
#include <utility>

#include <glog/logging.h>

#include "broker/group/coordinator_core.h"
#include "common/cluster/coordinator_error.h"

namespace ottla::group {
namespace {

/// What a client is told when its offsets could not be stored.
ErrorCode commit_error(ErrorCode error) {
  if (error == ErrorCode::RequestTimedOut) return error;
  // Of a verification: a client would look for us elsewhere.
  if (error == ErrorCode::NetworkException) return ErrorCode::CoordinatorLoadInProgress;
  return cluster::coordinator_error(error, ErrorCode::InvalidCommitOffsetSize);
}

std::vector<ErrorCode> all_of(std::size_t count, ErrorCode error) {
  return std::vector<ErrorCode>(count, error);
}

}  // namespace

void CoordinatorCore::commit(CommitRequest request, Callback<std::vector<ErrorCode>> done) {
  const std::size_t count = request.offsets.size();
  const Naming naming = request.transaction ? Naming::NotEmpty : Naming::Any;
  if (const ErrorCode error = check(request.group, naming); error != ErrorCode::None) {
    return std::move(done)(all_of(count, error));
  }
  if (request.transaction && request.transaction->verification != ErrorCode::None) {
    return std::move(done)(all_of(count, commit_error(request.transaction->verification)));
  }
  if (is_late(request)) return std::move(done)({});
  GroupPtr group = find(request.group);
  if (!group) {
    // Without a generation it is no member: somebody who only keeps offsets here.
    if (request.generation >= 0 && !request.transaction)
      return std::move(done)(all_of(count, ErrorCode::IllegalGeneration));
    group = find_or_create(request.group);
  }
  if (const ErrorCode error = check_commit(group, request); error != ErrorCode::None) {
    return std::move(done)(all_of(count, error));
  }
  store_offsets(group, std::move(request), std::move(done));
}

/// Who has offsets in an open transaction of before our election has a newer connection since then.
bool CoordinatorCore::is_late(const CommitRequest& request) {
  if (!request.transaction || request.transaction->connection == env::MonotonicTime()) return false;
  Shard& shard = shards_.at(shard_of(request.group));
  const ProducerId producer = request.transaction->producer_id;
  return shard.connections.is_late(
      producer, request.transaction->connection,
      shard.transactions.contains(producer) ? shard.elected : env::MonotonicTime(), clock_.now());
}

ErrorCode CoordinatorCore::check_commit(const GroupPtr& group, const CommitRequest& request) {
  // An operator, or a consumer that is in no group: whatever else it says.
  if (request.generation < 0 && group->is(GroupState::Empty)) return ErrorCode::None;
  const bool claims_membership =
      request.generation >= 0 || !request.member_id.empty() || request.instance_id;
  if (claims_membership) {
    const ErrorCode error = check_member(*group, request.member_id, request.instance_id);
    if (error != ErrorCode::None) return error;
    if (request.generation != group->generation()) return ErrorCode::IllegalGeneration;
  } else if (!request.transaction) {
    return ErrorCode::UnknownMemberId;
  }
  // Observed of 3.9: a transaction's offsets are taken in any state, also from producers that do
  // not say which member they are (TxnOffsetCommit below v3).
  if (request.transaction && !group->is(GroupState::Dead)) return ErrorCode::None;
  switch (group->state()) {
    case GroupState::Empty:
      return ErrorCode::None;
    case GroupState::PreparingRebalance:
    case GroupState::Stable:
      // Commits are taken while the others join: the next heartbeat tells of the rebalance.
      keep_alive(group, *group->member(request.member_id));
      return ErrorCode::None;
    case GroupState::CompletingRebalance:
      return ErrorCode::RebalanceInProgress;
    case GroupState::Dead:
      return ErrorCode::CoordinatorNotAvailable;
  }
  return ErrorCode::CoordinatorNotAvailable;
}

void CoordinatorCore::store_offsets(const GroupPtr& group, CommitRequest request,
                                    Callback<std::vector<ErrorCode>> done) {
  std::vector<ErrorCode> outcomes(request.offsets.size(), ErrorCode::None);
  std::vector<OffsetTable::Ticket> tickets(request.offsets.size());
  std::vector<LogRecord> records;
  for (std::size_t i = 0; i < request.offsets.size(); ++i) {
    const CommitRequest::Item& item = request.offsets[i];
    if (java_length(item.committed.metadata) > config_.offset_metadata_max_bytes) {
      outcomes[i] = ErrorCode::OffsetMetadataTooLarge;
      continue;
    }
    auto record = offset_record(request.group, item.partition, item.committed);
    if (!record) {
      outcomes[i] = record.error().code();
      continue;
    }
    records.push_back(*std::move(record));
    tickets[i] = begin_commit(group, request, item.partition);
  }
  if (records.empty()) return std::move(done)(std::move(outcomes));
  const std::optional<CommittingTransaction> transaction = request.transaction;
  append(
      group->id(), std::move(records),
      [this, group, request = std::move(request), outcomes = std::move(outcomes),
       tickets = std::move(tickets),
       done = std::move(done)](const OffsetsLog::Outcome& outcome) mutable {
        std::int64_t position = 0;
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
          if (outcomes[i] != ErrorCode::None) continue;
          CommitRequest::Item& item = request.offsets[i];
          if (outcome.error == ErrorCode::None) {
            finish_commit(*group, request, item, tickets[i], outcome.base_offset + position++);
          } else {
            finish_commit(*group, request, item, tickets[i], std::nullopt);
            outcomes[i] = commit_error(outcome.error);
          }
        }
        counters_.commits->add(position);
        std::move(done)(std::move(outcomes));
      },
      transaction);
}

OffsetTable::Ticket CoordinatorCore::begin_commit(const GroupPtr& group,
                                                  const CommitRequest& request,
                                                  const TopicPartition& partition) {
  if (!request.transaction) return group->offsets.begin(partition);
  const ProducerId producer = request.transaction->producer_id;
  shards_.at(shard_of(group->id())).transactions[producer].insert(group->id());
  return group->offsets.begin_transactional(producer, partition);
}

void CoordinatorCore::finish_commit(Group& group, const CommitRequest& request,
                                    CommitRequest::Item& item, OffsetTable::Ticket ticket,
                                    std::optional<Offset> log_offset) {
  OffsetTable& offsets = group.offsets;
  if (!request.transaction) {
    if (!log_offset) return offsets.abandon(item.partition, ticket);
    return offsets.succeed(item.partition, ticket, {std::move(item.committed), *log_offset});
  }
  const ProducerId producer = request.transaction->producer_id;
  if (!log_offset) return offsets.abandon_transactional(producer, ticket);
  offsets.succeed_transactional(producer, item.partition, ticket,
                                {std::move(item.committed), *log_offset});
}

Result<std::int32_t> CoordinatorCore::served_partition(const std::string& group,
                                                       Naming naming) const {
  if (const ErrorCode error = check(group, naming); error != ErrorCode::None) {
    return fail(error);
  }
  return shard_of(group);
}

void CoordinatorCore::end_transaction(std::int32_t partition, ProducerId producer, bool is_commit,
                                      Offset marker) {
  const auto found = shards_.find(partition);
  if (found == shards_.end()) return;
  Shard& shard = found->second;
  if (shard.loading) {
    // What is being read may end before it.
    shard.markers_while_loading.push_back({producer, is_commit, marker});
    return;
  }
  const auto groups = shard.transactions.find(producer);
  if (groups == shard.transactions.end()) return;
  std::erase_if(groups->second, [&](const std::string& id) {
    const auto held = shard.groups.find(id);
    if (held == shard.groups.end()) return true;
    held->second->offsets.end_transaction(producer, is_commit, marker);
    return !held->second->offsets.has_transaction(producer);
  });
  if (groups->second.empty()) shard.transactions.erase(groups);
}

FetchedOffsets CoordinatorCore::fetch(const FetchQuery& query, bool require_stable) const {
  FetchedOffsets fetched;
  fetched.error = check(query.group, Naming::Any);
  if (fetched.error != ErrorCode::None) return fetched;
  const GroupPtr group = find(query.group);
  const auto add = [&](const TopicPartition& partition) {
    FetchedOffset& offset = fetched.offsets.emplace_back();
    offset.partition = partition;
    if (!group) return;
    if (require_stable && group->offsets.is_unstable(partition)) {
      offset.error = ErrorCode::UnstableOffsetCommit;
    } else if (const StoredOffset* const stored = group->offsets.find(partition)) {
      offset.committed = stored->committed;
    }
  };
  if (query.partitions) {
    for (const TopicPartition& partition : *query.partitions) add(partition);
  } else if (group) {
    for (const auto& [partition, stored] : group->offsets.committed()) add(partition);
  }
  return fetched;
}

void CoordinatorCore::delete_offsets(const std::string& id, std::vector<TopicPartition> partitions,
                                     Callback<DeletedOffsets> done) {
  DeletedOffsets deleted;
  deleted.error = check(id, Naming::NotEmpty);
  const GroupPtr group = deleted.error == ErrorCode::None ? find(id) : nullptr;
  if (deleted.error == ErrorCode::None && !group) deleted.error = ErrorCode::GroupIdNotFound;
  if (group && !group->is(GroupState::Empty) && group->protocol_type() != kConsumerProtocolType) {
    deleted.error = ErrorCode::NonEmptyGroup;
  }
  if (deleted.error != ErrorCode::None) return std::move(done)(std::move(deleted));

  const bool may_be_used = !group->is(GroupState::Empty);
  std::vector<TopicPartition> unused;
  for (const TopicPartition& partition : partitions) {
    const auto& subscribed = group->subscribed_topics();
    if (may_be_used && (!subscribed || subscribed->contains(partition.topic))) {
      deleted.outcomes.push_back(ErrorCode::GroupSubscribedToTopic);
    } else {
      deleted.outcomes.push_back(ErrorCode::None);
      unused.push_back(partition);
    }
  }
  counters_.deletions->add(static_cast<std::int64_t>(unused.size()));
  note(*group, GroupEventKind::OffsetsEnded, nullptr,
       std::to_string(unused.size()) + " offsets were deleted by a client");
  remove_offsets(group, unused, OffsetEnd::Deleted,
                 [deleted = std::move(deleted), done = std::move(done)](ErrorCode error) mutable {
                   for (ErrorCode& outcome : deleted.outcomes) {
                     if (outcome == ErrorCode::None) outcome = error;
                   }
                   std::move(done)(std::move(deleted));
                 });
}

/// Removes these offsets, and the group too when it is empty and has no others; who was given an id
/// is not waited for, and asks for another one. What is gone from
/// memory may come back in a failover if the records are lost; expiry then removes it again. With a
/// `why` the offsets are kept for the undelete window, in the batch of their tombstones.
void CoordinatorCore::remove_offsets(const GroupPtr& group,
                                     const std::vector<TopicPartition>& partitions,
                                     std::optional<OffsetEnd> why, Callback<ErrorCode> done) {
  std::vector<LogRecord> records;
  std::set<TopicPartition> others = group->offsets.partitions();
  for (const TopicPartition& partition : partitions) {
    if (others.erase(partition) == 0) continue;
    if (why) {
      if (auto kept = keep_ended_offset(*group, partition, *why)) {
        records.push_back(*std::move(kept));
      }
    }
    group->offsets.remove(partition);
    if (auto tombstone = offset_tombstone(group->id(), partition)) {
      records.push_back(*std::move(tombstone));
    }
  }
  if (group->is(GroupState::Empty) && others.empty()) {
    if (group->generation() > 0) {
      if (auto tombstone = group_tombstone(group->id())) records.push_back(*std::move(tombstone));
    }
    for (auto& [pending, timer] : group->pending_members()) timers_.remove(timer);
    group->transition_to(GroupState::Dead, clock_.wall_now_ms());
  }
  if (records.empty()) {
    if (group->is(GroupState::Dead)) forget(*group);
    return std::move(done)(ErrorCode::None);
  }
  // A commit from now on makes a new group, whose records stand behind the tombstones.
  if (group->is(GroupState::Dead)) forget(*group);
  append_tombstones(
      group->id(), std::move(records),
      [done = std::move(done)](ErrorCode error) mutable { std::move(done)(commit_error(error)); });
}

void CoordinatorCore::forget_topics(const std::set<std::string>& topics) {
  for (const GroupPtr& group : all_groups()) {
    std::vector<TopicPartition> gone;
    for (const TopicPartition& partition : group->offsets.partitions()) {
      if (topics.contains(partition.topic)) gone.push_back(partition);
    }
    if (gone.empty()) continue;
    LOG(INFO) << "[group " << group->id() << "] forgets " << gone.size()
              << " offsets of deleted topics";
    remove_offsets(group, gone, std::nullopt, [](ErrorCode) {});
  }
  // A topic of the same name is another one.
  drop_ended_offsets([&](const TopicPartition& partition, const EndedOffset&) {
    return topics.contains(partition.topic);
  });
}

ExpiryRules CoordinatorCore::expiry_rules(const Group& group) const {
  return {.state = group.state(),
          .protocol_type = group.protocol_type(),
          .state_time = group.state_time(),
          .subscribed_topics = group.subscribed_topics(),
          .now = clock_.wall_now_ms(),
          .retention = config_.offsets_retention};
}

/// Tells the operator once, while there is time to do something (N23): who comes back after a long
/// holiday begins to read from anywhere.
void CoordinatorCore::foretell_expiry(Group& group) const {
  const auto horizon =
      std::min<std::chrono::milliseconds>(std::chrono::hours(24), config_.offsets_retention / 4);
  ExpiryRules then = expiry_rules(group);
  then.now += horizon.count();
  const std::size_t soon = group.offsets.expired(then).size();
  if (soon > 0 && !group.is_expiry_foretold) {
    LOG(WARNING) << "[group " << group.id() << "] " << soon << " of "
                 << group.offsets.committed().size() << " offsets are not used and end within "
                 << std::chrono::duration_cast<std::chrono::minutes>(horizon).count()
                 << " minutes (offsets.retention.minutes)";
  }
  group.is_expiry_foretold = soon > 0;
}

void CoordinatorCore::expire() {
  for (auto& [partition, shard] : shards_) shard.connections.forget_unused(clock_.now());
  for (const GroupPtr& group : all_groups()) {
    const auto expired = group->offsets.expired(expiry_rules(*group));
    const bool is_left_over =
        group->is(GroupState::Empty) && group->offsets.empty() && group->pending_members().empty();
    if (expired.empty() && !is_left_over) {
      foretell_expiry(*group);
      continue;
    }
    if (!expired.empty()) {
      const std::string what = std::to_string(expired.size()) + " offsets have expired";
      LOG(INFO) << "[group " << group->id() << "] " << what;
      note(*group, GroupEventKind::OffsetsEnded, nullptr, what);
      counters_.expirations->add(static_cast<std::int64_t>(expired.size()));
    }
    remove_offsets(group, expired, OffsetEnd::Expired, [](ErrorCode) {});
    foretell_expiry(*group);
  }
  const env::WallTimeMs now = clock_.wall_now_ms();
  drop_ended_offsets([&](const TopicPartition&, const EndedOffset& ended) {
    return now - ended.ended >= config_.undelete_window.count();
  });
}

}  // namespace ottla::group
