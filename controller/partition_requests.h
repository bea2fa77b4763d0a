#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/topic_partition.h"
#include "common/cluster/partition.h"
#include "common/env/clock.h"

/// What may be asked of the controller about partitions, and its answers.
namespace ottla::controller {

/// `message` is empty or says more than the code.
struct PartitionAnswer {
  TopicPartition partition;
  ErrorCode error = ErrorCode::None;
  std::string message;
};

/// `error` is NotController or None.
struct PartitionsReply {
  ErrorCode error = ErrorCode::None;
  std::vector<PartitionAnswer> partitions;
};

enum class ElectionKind : std::uint8_t {
  Preferred,  ///< The first replica of the assignment shall lead, if it is in sync.
  Unclean,    ///< Some replica shall lead, even if records are lost; only where none leads.
};

/// Of these partitions, or of all that need it. What is not done at the timeout is answered with
/// RequestTimedOut, and goes on all the same.
struct ElectLeadersRequest {
  ElectionKind kind = ElectionKind::Preferred;
  std::optional<std::vector<TopicPartition>> partitions;
  env::Duration timeout{};
};

/// Where a partition's replicas shall be. None: the reassignment under way is given up.
struct WantedReplicas {
  TopicPartition partition;
  std::optional<std::vector<BrokerId>> replicas;

  friend bool operator==(const WantedReplicas&, const WantedReplicas&) = default;
};

/// KIP-455. Answered once ZooKeeper says what is wanted; the records move after that.
struct AlterReassignmentsRequest {
  std::vector<WantedReplicas> partitions;
  env::Duration timeout{};
};

struct ReassigningPartition {
  TopicPartition partition;
  cluster::Assignment assignment;
};
struct ReassignmentsReply {
  ErrorCode error = ErrorCode::None;
  std::vector<ReassigningPartition> partitions;
};

}  // namespace ottla::controller
