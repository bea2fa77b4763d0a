#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/random.h"

namespace ottla::controller {

struct PlacementBroker {
  BrokerId id;
  std::optional<std::string> rack;
};

/// Which partitions are to be placed. Kafka's algorithm starts at a random broker, and places the
/// partitions that are added to a topic so that they go on where it began.
struct PlacementRequest {
  std::int32_t partitions = 1;
  std::int32_t replication_factor = 1;
  std::int32_t first_partition = 0;
  /// Position of the broker that leads partition 0, among the brokers by id; random if not set.
  std::optional<std::size_t> start_index;
};

/// Places replicas as Kafka does: leaders round robin, the second replica at a random distance
/// that grows with each round; with racks the brokers are taken from the racks in turn and a
/// partition's replicas spread over as many racks as there are (KIP-36). `brokers` in any order.
/// Racks count only when every broker has one.
/// Errors: InvalidPartitions, InvalidReplicationFactor.
Result<std::vector<std::vector<BrokerId>>> place_replicas(std::vector<PlacementBroker> brokers,
                                                          const PlacementRequest& request,
                                                          env::Random& random);

}  // namespace ottla::controller
