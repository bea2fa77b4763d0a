#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/storage/disk_space.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/file_system.h"

/// What is asked about this broker's log dirs, and of them (KIP-113).
namespace ottla::replica {

/// A log dir and what lies in it.
struct LogDirDescription {
  struct Replica {
    TopicPartition partition;
    std::uint64_t bytes = 0;
    /// How far it is behind: the log behind the high watermark, a future replica behind the log;
    /// -1 if there is nothing to compare it with.
    std::int64_t offset_lag = -1;
    bool is_future = false;
  };
  std::string directory;  ///< Absolute.
  bool is_online = false;
  storage::SpaceState space_state = storage::SpaceState::Enough;
  std::optional<env::VolumeSpace> space;
  std::vector<Replica> replicas;  ///< By partition.
};

/// A wish for where a partition's log is to be.
struct LogDirChange {
  TopicPartition partition;
  std::string directory;
};

}  // namespace ottla::replica
