#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "broker/group/group_config.h"
#include "broker/group/partition_load.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/env/file_system.h"

namespace ottla::replica {
class Replicas;
}  // namespace ottla::replica

namespace ottla::group {

/// Whether a new snapshot is worth its work.
[[nodiscard]] bool is_snapshot_due(const SnapshotRules& rules, std::int64_t records_behind,
                                   env::Duration since_last);

/// Keeps snapshots of all partitions of __consumer_offsets that this broker holds, as leader or
/// follower: each from the last one and the committed records behind it, one partition at a time,
/// slowly, on the I/O pool. So whoever is elected loads little.
/// Thread: one (the group loop), except for what runs on the pool.
class SnapshotKeeper : public std::enable_shared_from_this<SnapshotKeeper> {
 public:
  struct Dependencies {
    env::FileSystem& files;
    env::Clock& clock;
    env::Executor& loop;
    env::Executor& io_pool;
    std::function<std::int32_t()> partition_count;
  };
  SnapshotKeeper(SnapshotRules rules, Dependencies dependencies);

  void start(replica::Replicas& replicas);
  void stop();

 private:
  struct Known {
    std::weak_ptr<storage::Log> log{};
    Offset end;  ///< Of the last snapshot.
    env::MonotonicTime made{};
  };
  void look_later();
  void look();
  void make(std::int32_t partition, const std::shared_ptr<storage::Log>& log, Offset end);
  /// On the pool. Returns where the snapshot ends that is there now.
  [[nodiscard]] Offset write(storage::Log& log, const PartitionLoad::Outcome& outcome) const;
  void made(std::int32_t partition, const std::shared_ptr<storage::Log>& log, Offset end);

  const SnapshotRules rules_;
  const Dependencies with_;
  replica::Replicas* replicas_ = nullptr;
  bool stopped_ = false;
  bool is_making_ = false;
  env::TimerHandle timer_;
  std::map<std::int32_t, Known> known_;
};

}  // namespace ottla::group
