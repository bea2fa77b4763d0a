#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"

namespace ottla::cli {

class BrokerClient;

/// A reassignment that is under way (KIP-455).
struct Reassigning {
  std::vector<BrokerId> replicas;  ///< Old and new ones.
  std::vector<BrokerId> adding;
  std::vector<BrokerId> removing;

  /// What is there when it has ended.
  [[nodiscard]] std::vector<BrokerId> target() const {
    std::vector<BrokerId> left = replicas;
    std::erase_if(left, [&](BrokerId broker) {
      return std::ranges::find(removing, broker) != removing.end();
    });
    return left;
  }
};
using AllReassigning = std::map<TopicPartition, Reassigning>;

/// For tools that tell it beside other things, and tell those without a controller, too.
inline constexpr std::chrono::seconds kReassigningPatience{3};

/// Those of all topics, as the controller tells. `patience`: for what it takes to connect, and to
/// answer.
[[nodiscard]] Result<AllReassigning> list_reassigning(
    BrokerClient& client, std::chrono::milliseconds patience = std::chrono::seconds(60));

}  // namespace ottla::cli
