#pragma once

#include <cstdint>

#include "common/base/error.h"

namespace ottla::replica {

/// What changed about a partition; also a mask of what a watcher wants to hear.
enum class PartitionChange : std::uint8_t {
  LogEnd = 1,         ///< The leader appended.
  HighWatermark = 2,  ///< It moved (or the log start offset did).
  Role = 4,           ///< Another leader epoch, or offline. Always heard.
  Question = 8,       ///< The leader asks its followers whether it still leads.
};
[[nodiscard]] constexpr std::uint8_t operator|(PartitionChange a, PartitionChange b) {
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr bool operator&(std::uint8_t mask, PartitionChange change) {
  return (mask & static_cast<std::uint8_t>(change)) != 0;
}

/// Waits for changes of partitions: a fetch that wants more bytes, a follower's feed. `token` is
/// its own number for the partition. Called on any thread with no lock of the partition held, as
/// often as something changes: notes it, posts at most once, returns.
class PartitionWatcher {
 public:
  virtual ~PartitionWatcher() = default;
  virtual void on_partition_changed(std::uint32_t token, PartitionChange change) = 0;
};

/// An append that waits for the high watermark, or a reader that waits to hear that the leader
/// still is one. Called once for each token, on any thread, with no lock of the partition held:
/// None, NotEnoughReplicasAfterAppend, NotLeaderOrFollower, KafkaStorageError.
class CommitWaiter {
 public:
  virtual ~CommitWaiter() = default;
  virtual void on_commit_decided(std::uint32_t token, ErrorCode outcome) = 0;
};

}  // namespace ottla::replica
