#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "common/base/id.h"
#include "common/env/executor.h"

namespace ottla::replica {

struct ReplicasConfig {
  BrokerId broker;
  std::chrono::milliseconds replica_lag_time_max{30'000};  ///< replica.lag.time.max.ms
  std::chrono::milliseconds reconnect_backoff{50};         ///< Doubles up to the next.
  std::chrono::milliseconds reconnect_backoff_max{1'000};
  /// Bytes of records sent to one follower and not yet acknowledged by it.
  std::uint64_t stream_window_bytes = 8 << 20;
  /// Records gathered into one message.
  std::uint64_t stream_message_bytes = 1 << 20;
  /// Logs that are copied to another log dir at the same time (num.replica.alter.log.dirs.threads).
  std::size_t log_moves_at_once = 1;
  /// replica.selector.class is RackAwareReplicaSelector (KIP-392).
  bool rack_aware_fetch = false;
};

/// The executors that the replicas work on; docs/threading.md has the picture.
struct ReplicasExecutors {
  env::Executor& control;               ///< One thread: cluster updates, ISR, periodic work.
  std::vector<env::Executor*> streams;  ///< Event loops; a peer's streams stay on one of them.
  env::Executor& io;                    ///< The I/O pool: cold reads, checkpoints.
};

}  // namespace ottla::replica
