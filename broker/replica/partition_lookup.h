#pragma once

#include <memory>

#include "broker/replica/partition.h"
#include "common/base/error.h"
#include "common/base/topic_partition.h"

namespace ottla::replica {

/// Finds the partitions that this broker holds. Thread: any.
class PartitionLookup {
 public:
  virtual ~PartitionLookup() = default;
  /// Errors: NotLeaderOrFollower when others hold it, UnknownTopicOrPartition when nobody does.
  [[nodiscard]] virtual Result<std::shared_ptr<Partition>> lookup(
      const TopicPartition& partition) const = 0;
};

}  // namespace ottla::replica
