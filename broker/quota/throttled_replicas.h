#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/id.h"

namespace ottla::quota {

/// Which replicas of a topic replication quotas hold for: leader.replication.throttled.replicas or
/// follower.replication.throttled.replicas. The broker of an element is the one that is limited: a
/// leader for the first, a follower for the second. Thread: immutable.
class ThrottledReplicas {
 public:
  /// Elements of "partition:broker", or "*"; what is neither is left out. Null: none.
  [[nodiscard]] static std::shared_ptr<const ThrottledReplicas> parse(
      const std::vector<std::string>& elements);

  [[nodiscard]] bool contains(std::int32_t partition, BrokerId broker) const {
    return all_ || replicas_.contains({partition, broker});
  }

 private:
  bool all_ = false;
  std::set<std::pair<std::int32_t, BrokerId>> replicas_;
};

}  // namespace ottla::quota
