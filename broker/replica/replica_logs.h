#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>

#include "broker/storage/log_config.h"
#include "common/base/error.h"
#include "common/base/topic_partition.h"
#include "common/rpc/control.h"

namespace ottla::storage {
class Log;
class LogStore;
}  // namespace ottla::storage

namespace ottla::replica {

/// Which of the logs under a partition's name a replica goes on with, when the controller gives it
/// a role. One that is another topic's, or nobody's, is put aside as stray, never deleted (W21); in
/// the place of one that is counted on and gone no empty log is made before the controller knows
/// (W1).
/// Thread: the control loop. Calls that make, rename or remove logs block on the disk.
class ReplicaLogs {
 public:
  /// A partition, and the controller's word on it.
  struct Wanted {
    TopicPartition name;
    TopicId topic_id;
    const rpc::PartitionUpdate& update;
  };

  ReplicaLogs(BrokerId broker, storage::LogStore& logs) : broker_(broker), logs_(logs) {}

  /// Whether what this broker holds under another topic id is of a topic that was deleted while it
  /// was away. A member of the ISR holds what the controller means, whatever the id says: then the
  /// id is wrong, and nothing is touched (W5).
  [[nodiscard]] bool is_leftover(const rpc::PartitionUpdate& update) const;

  /// A log without a topic id that no replica uses yet: the crash of the host that took its
  /// partition.metadata took everything that would tell whether it is of this topic, or of one of
  /// the same name that was deleted since. Where another broker leads and nobody counts on this
  /// copy, it is fetched anew; without a leader it waits, and gets no id meanwhile
  /// (InconsistentTopicId). What an earlier process left of a partition that was created since this
  /// one registered is another topic's.
  Result<> put_aside_unnamed(const Wanted& wanted);

  /// The partition's log; a new one if it never had one here. Errors: KafkaStorageError (its log
  /// dir is offline, or may be; `is_lost`), InconsistentTopicId.
  Result<std::shared_ptr<storage::Log>> open(const Wanted& wanted,
                                             std::shared_ptr<const storage::LogConfig> config);

  /// Whether a log that the controller counts on is gone: one was damaged and moved away, its log
  /// dir was taken out of log.dirs, or a copy that was not complete would take its place. An empty
  /// log must not be trusted like the one that is lost (W1): the controller puts this replica in
  /// doubt first.
  [[nodiscard]] bool is_lost(const Wanted& wanted) const;

  /// What stands here, for an election after host crashes. `role_epoch`: of the role that the
  /// replica has, or kUnknownLeaderEpoch.
  [[nodiscard]] rpc::ReplicaLogAnswer::Partition tell(const rpc::ReplicaLogQuery::Partition& wanted,
                                                      LeaderEpoch role_epoch);

  /// It is damaged, and another replica is to lead.
  void give_up(const TopicPartition& name, const std::shared_ptr<storage::Log>& log);
  enum class GivenUp : std::uint8_t {
    No,         ///< Or no more: nobody else has it.
    Waits,      ///< For another replica to lead, in an ISR without this one.
    IsReplaced  ///< By the copy that another replica leads.
  };
  /// What becomes of a log that was given up, now that this is the partition's state.
  [[nodiscard]] GivenUp judge_given_up(const TopicPartition& name,
                                       const cluster::PartitionState& state);
  /// Of one that `IsReplaced`, once no replica uses it.
  Result<> put_aside_given_up(const TopicPartition& name);

  /// Its replica was told to go, and is gone. A command for another topic of the name removes
  /// nothing (W13): InconsistentTopicId.
  ErrorCode remove(const rpc::StopReplica& command);

  /// What stands here of partitions that are not assigned to this broker: their topics were
  /// deleted, or they were moved away, while nobody could tell it. `update` is a full one.
  void put_aside_unassigned(const rpc::ClusterUpdate& update);

 private:
  void forget(const TopicPartition& name);

  const BrokerId broker_;
  storage::LogStore& logs_;
  /// Damaged logs whose leadership another replica is to take.
  std::map<TopicPartition, std::weak_ptr<storage::Log>> given_up_;
  /// Those of them that were put aside: this process has lost them.
  std::set<TopicPartition> put_aside_;
  /// Logs that the controller asked for and that are not there: it knows, in epochs after these.
  std::map<TopicPartition, LeaderEpoch> missed_;
};

}  // namespace ottla::replica
