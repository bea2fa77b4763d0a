#include "broker/replica/replica_logs.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/storage/log.h"
#include "broker/storage/log_store.h"
#include "common/cluster/partition.h"

namespace ottla::replica {
namespace {

/// Of the last record that the log had. Where all of them were deleted it is known all the same.
LeaderEpoch last_epoch_of(const storage::Log& log) {
  const Offset end = log.log_end_offset();
  if (end == Offset(0)) return kUnknownLeaderEpoch;
  if (end == log.log_start_offset()) return log.latest_leader_epoch();
  return log.leader_epoch_of(Offset(end.value() - 1));
}

/// No log of it can be older than this process.
bool is_younger(const rpc::PartitionUpdate& update) {
  return update.is_new || update.created_since;
}

}  // namespace

bool ReplicaLogs::is_leftover(const rpc::PartitionUpdate& update) const {
  return update.is_new || !update.state.in_isr(broker_);
}

Result<> ReplicaLogs::put_aside_unnamed(const Wanted& wanted) {
  const auto& [name, topic_id, update] = wanted;
  const BrokerId leader = update.state.leader;
  const bool is_counted_on = update.state.in_isr(broker_) || leader == broker_;
  if (topic_id.is_zero() || (is_counted_on && !is_younger(update))) return {};
  if (!logs_.find(name) || logs_.topic_id(name)) return {};
  if (leader == kNoBroker) {
    return fail(ErrorCode::InconsistentTopicId, "its log has no topic id, and nobody leads");
  }
  LOG(WARNING) << '[' << name << "] its log has no topic id and may be another topic's: it is put "
               << "aside as stray, and "
               << (is_younger(update)
                       ? "begun anew"
                       : "fetched anew from broker " + std::to_string(leader.value()));
  return logs_.mark_stray(name);
}

Result<std::shared_ptr<storage::Log>> ReplicaLogs::open(
    const Wanted& wanted, std::shared_ptr<const storage::LogConfig> config) {
  const auto& [name, topic_id, update] = wanted;
  const std::vector<std::string> offline = logs_.offline_directories();
  if (logs_.find(name)) {
    if (std::ranges::find(offline, logs_.directory_of(name)) != offline.end()) {
      return fail(ErrorCode::KafkaStorageError);
    }
  } else if (!update.is_new && !offline.empty()) {
    // Its log may lie in the failed directory: an empty one in its place would lose records.
    return fail(ErrorCode::KafkaStorageError);
  }
  const std::optional<TopicId> known_id = logs_.topic_id(name);
  if (known_id && !topic_id.is_zero() && *known_id != topic_id) {
    if (!is_leftover(update)) return fail(ErrorCode::InconsistentTopicId);
    LOG(WARNING) << '[' << name << "] the log of topic id " << *known_id
                 << " is put aside as stray: the topic has id " << topic_id << " now";
    OTTLA_TRY_VOID(logs_.mark_stray(name));
  }
  if (is_lost(wanted)) {
    return fail(ErrorCode::KafkaStorageError,
                "its log is gone, and the controller counts on it: it is told so first");
  }
  forget(name);
  return logs_.find_or_create(name, topic_id, std::move(config));
}

bool ReplicaLogs::is_lost(const Wanted& wanted) const {
  const auto& [name, topic_id, update] = wanted;
  if (!update.state.is_trusted(broker_)) return false;
  if (is_younger(update) && !put_aside_.contains(name)) return false;
  const auto told = missed_.find(name);
  // It was chosen for what it told.
  if (told != missed_.end() && update.state.leader_epoch > told->second) return false;
  return !logs_.find(name) && !logs_.is_set_apart(name) && logs_.offline_directories().empty();
}

rpc::ReplicaLogAnswer::Partition ReplicaLogs::tell(const rpc::ReplicaLogQuery::Partition& wanted,
                                                   LeaderEpoch role_epoch) {
  rpc::ReplicaLogAnswer::Partition told{.topic = wanted.topic, .partition = wanted.partition};
  const TopicPartition name{wanted.topic, wanted.partition};
  std::shared_ptr<storage::Log> log = logs_.find(name);
  if (!log && (!logs_.offline_directories().empty() || logs_.is_set_apart(name))) {
    told.error = ErrorCode::KafkaStorageError;
    return told;
  }
  const std::optional<TopicId> id = logs_.topic_id(name);
  if (id && !wanted.topic_id.is_zero() && *id != wanted.topic_id) {
    told.error = ErrorCode::InconsistentTopicId;
    return told;
  }
  if (!log) {
    if (role_epoch <= wanted.leader_epoch) missed_[name] = wanted.leader_epoch;
    log = logs_.find_future(name);  // That is what it would go on with.
  }
  if (!log) {
    told.error = ErrorCode::UnknownTopicOrPartition;
    return told;
  }
  told.log_end_offset = log->log_end_offset();
  told.last_epoch = last_epoch_of(*log);
  return told;
}

void ReplicaLogs::give_up(const TopicPartition& name, const std::shared_ptr<storage::Log>& log) {
  given_up_[name] = log;
}

ReplicaLogs::GivenUp ReplicaLogs::judge_given_up(const TopicPartition& name,
                                                 const cluster::PartitionState& state) {
  const auto found = given_up_.find(name);
  if (found == given_up_.end()) return GivenUp::No;
  const std::shared_ptr<storage::Log> log = found->second.lock();
  const bool is_member = state.in_isr(broker_);
  const bool is_alone = is_member && state.isr.size() == 1;
  if (!log || logs_.find(name) != log || is_alone) {
    given_up_.erase(found);
    return GivenUp::No;
  }
  if (is_member || state.leader == kNoBroker || state.leader == broker_) return GivenUp::Waits;
  return GivenUp::IsReplaced;
}

Result<> ReplicaLogs::put_aside_given_up(const TopicPartition& name) {
  given_up_.erase(name);
  put_aside_.insert(name);
  return logs_.mark_stray(name);
}

ErrorCode ReplicaLogs::remove(const rpc::StopReplica& command) {
  const TopicPartition name{command.topic, command.partition};
  const std::optional<TopicId> known_id = logs_.topic_id(name);
  if (known_id && *known_id != command.topic_id) return ErrorCode::InconsistentTopicId;
  const auto remove = [&]() -> Result<> {
    const std::shared_ptr<storage::Log> log = logs_.find(name);
    if (!log) return logs_.remove_future(name);
    LOG(INFO) << '[' << name << "] replica removed, topic id " << command.topic_id;
    return logs_.remove(name, log->config()->file_delete_delay);
  };
  const Result<> removed = remove();
  if (removed) forget(name);
  return removed ? ErrorCode::None : removed.error().code();
}

void ReplicaLogs::put_aside_unassigned(const rpc::ClusterUpdate& update) {
  std::set<TopicPartition> assigned;
  std::set<TopicPartition> told;
  std::set<std::string> topics;
  for (const rpc::TopicUpdate& topic : update.topics) {
    topics.insert(topic.name);
    for (const rpc::PartitionUpdate& partition : topic.partitions) {
      const TopicPartition name{topic.name, partition.partition};
      told.insert(name);
      if (cluster::contains(partition.assignment.replicas, broker_)) assigned.insert(name);
    }
  }
  for (const TopicPartition& name : logs_.partitions()) {
    // Of a topic that is there, only what stands in the update is known to be somewhere else.
    const bool is_known = topics.contains(name.topic) ? told.contains(name) : !update.incomplete;
    if (assigned.contains(name) || !is_known) continue;
    forget(name);
    const Result<> done = logs_.mark_stray(name);
    LOG_IF(WARNING, done.has_value())
        << '[' << name << "] is not assigned to this broker: its log is put aside as stray";
    LOG_IF(ERROR, !done) << '[' << name << "] cannot be put aside as stray: " << done.error();
  }
}

/// What was lost counts no more: there is a log again, or nobody asks for one.
void ReplicaLogs::forget(const TopicPartition& name) {
  missed_.erase(name);
  put_aside_.erase(name);
}

}  // namespace ottla::replica
