#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/id.h"
#include "common/env/clock.h"

namespace ottla::replica {

/// A live replica from which a consumer might read.
struct ReadCandidate {
  BrokerId broker;
  std::string rack;
  bool is_leader = false;
  Offset log_start_offset;
  Offset log_end_offset;
  std::optional<env::MonotonicTime> caught_up_at;
};

/// The replica in the client's rack that holds the offset (KIP-392, RackAwareReplicaSelector): the
/// leader if it is there, else the one that is furthest. Nullopt: read from the leader.
[[nodiscard]] std::optional<BrokerId> select_replica(const std::vector<ReadCandidate>& candidates,
                                                     const std::string& rack, Offset fetch_offset);

}  // namespace ottla::replica
