#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/quota/cold_read_quota.h"
#include "broker/replica/fetch.h"
#include "broker/replica/partition_lookup.h"
#include "broker/replica/partition_watcher.h"
#include "broker/replica/replicas_config.h"
#include "broker/storage/cold_reads.h"
#include "common/base/task.h"
#include "common/env/executor.h"

namespace ottla::replica {

/// A fetch: reads all its partitions, and again when one of them has changed, until there are
/// min_bytes, something must be told at once, or max_wait is over.
///
///     reading --enough--> answered
///        |--cold range--> warming (I/O pool) --> reading (may block no more)
///        |--too little--> waiting --change, timeout--> reading
///
/// A client that has had its share of the disk (quota::ColdReadQuota) gets what is in the page
/// cache meanwhile: a cold range is as good as no records until its time has come.
///
/// `expired`, which counts fetches that are answered because max_wait is over, lives as long as
/// `lookup`.
///
/// Thread: the caller's loop, except `on_partition_changed` (any).
class DelayedFetch final : public PartitionWatcher,
                           public std::enable_shared_from_this<DelayedFetch> {
 public:
  DelayedFetch(FetchRequest request, std::shared_ptr<const PartitionLookup> lookup,
               std::shared_ptr<const ReplicasConfig> config, env::Executor& on,
               std::shared_ptr<storage::ColdReads> cold_reads,
               std::shared_ptr<quota::ColdReadQuota> cold_quota, std::atomic<std::int64_t>& expired,
               Callback<FetchResult> done);

  void start();
  void on_partition_changed(std::uint32_t token, PartitionChange change) override;

 private:
  /// What reading one partition gave.
  struct Reading {
    std::shared_ptr<Partition> partition;
    FetchedPartition answer;
    storage::FileSlice records;
    bool is_cold = false;
    bool is_held_back = false;  ///< It is cold, and the client has had its share.
    bool was_cold = false;      ///< Brought into the page cache by a cold read: it goes on there.
    bool ends_waiting = false;  ///< An error, a divergence, another replica to read from.
  };
  struct Budget {
    std::uint64_t bytes;
    bool at_least_one_batch;
  };
  /// The cold part of one look at all partitions, brought into the page cache step by step.
  struct Warming {
    std::vector<Reading> readings;
    std::size_t next = 0;
    storage::FileSlice slice{};
    std::uint64_t bytes_left = 0;
  };

  void evaluate();
  [[nodiscard]] Reading read(std::size_t number, Budget& budget) const;
  Result<> read_into(Reading& reading, std::size_t number, Budget& budget) const;
  [[nodiscard]] std::optional<BrokerId> preferred_replica(const Partition& partition,
                                                          Offset fetch_offset) const;
  void warm(std::vector<Reading> readings);
  bool warm_step(Warming& warming);
  void wait(const std::vector<Reading>& readings);
  void come_back_when_due();
  void answer(std::vector<Reading> readings);
  void note_cold(const storage::FileSlice& records);
  void stop_watching();

  FetchRequest request_;
  std::shared_ptr<const PartitionLookup> lookup_;
  std::shared_ptr<const ReplicasConfig> config_;
  env::Executor& on_;
  std::shared_ptr<storage::ColdReads> cold_reads_;
  std::shared_ptr<quota::ColdReadQuota> cold_quota_;
  std::atomic<std::int64_t>& expired_;
  Callback<FetchResult> done_;
  std::vector<std::shared_ptr<Partition>> watched_;
  env::TimerHandle timer_;
  env::TimerHandle quota_timer_;
  bool is_over_ = false;     ///< max_wait has passed.
  bool is_warming_ = false;  ///< The I/O pool has it.
  /// By partition, while what was warmed is read: empty, or how many bytes of it there are; 0: it
  /// had no turn.
  std::vector<std::uint64_t> warmed_;
  bool is_answered_ = false;
  std::atomic<bool> wake_posted_ = false;
};

}  // namespace ottla::replica
