#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/quota/throttled_replicas.h"
#include "broker/storage/log_config.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/task.h"
#include "common/base/topic_partition.h"
#include "common/rpc/control.h"

/// What the replicas ask of the rest of the broker; implemented above this layer.
namespace ottla::replica {

/// A topic's configs as far as its replicas need them.
struct TopicConfig {
  std::shared_ptr<const storage::LogConfig> log;
  std::int32_t min_insync_replicas = 1;
  /// leader. and follower.replication.throttled.replicas; null: none.
  std::shared_ptr<const quota::ThrottledReplicas> leader_throttled = nullptr;
  std::shared_ptr<const quota::ThrottledReplicas> follower_throttled = nullptr;
};

/// Thread: any.
class TopicConfigs {
 public:
  virtual ~TopicConfigs() = default;
  [[nodiscard]] virtual TopicConfig topic_config(const std::string& topic) const = 0;
};

/// The way to the controller for changes of an ISR (KIP-497). `done` is called once, on any thread;
/// an error means that the outcome is not known. Thread: any.
class IsrChanges {
 public:
  virtual ~IsrChanges() = default;
  virtual void alter(std::vector<rpc::AlterPartition> partitions,
                     Callback<Result<rpc::AlterPartitionReply>> done) = 0;
};

/// Hears which partitions this broker leads: what coordinators live by. Called in the order of the
/// changes, on the replica control loop, after the partition serves in its new role.
class LeadershipListener {
 public:
  virtual ~LeadershipListener() = default;
  virtual void on_leader(const TopicPartition& partition, LeaderEpoch epoch) = 0;
  /// The partition follows, was removed, or its log dir failed.
  virtual void on_not_leader(const TopicPartition& partition, LeaderEpoch epoch) = 0;
};

}  // namespace ottla::replica
