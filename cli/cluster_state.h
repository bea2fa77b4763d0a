#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

#include "cli/topic_description.h"
#include "common/protocol/messages/metadata.h"
#include "common/zookeeper/store.h"

namespace ottla::cli {

struct BrokerState {
  std::string address;  ///< host:port; empty if it is not registered.
  std::optional<std::string> rack;
  std::optional<std::int64_t> epoch;  ///< Only ZooKeeper tells.
  std::size_t leaders = 0;
  std::size_t replicas = 0;
  std::size_t in_sync = 0;

  [[nodiscard]] bool registered() const { return !address.empty(); }
};

struct PartitionProblem {
  std::string topic;
  PartitionDescription partition;
};

/// What `ottla cluster` shows, from the brokers' metadata or from ZooKeeper.
struct ClusterState {
  std::string cluster_id;
  std::int32_t controller = -1;
  std::optional<std::int32_t> controller_epoch;  ///< Only ZooKeeper tells.
  std::map<std::int32_t, BrokerState> brokers;   ///< Also those that hold replicas and are gone.
  std::size_t topics = 0;
  std::size_t partitions = 0;
  std::size_t not_on_preferred_leader = 0;
  std::vector<PartitionProblem> offline;
  std::vector<PartitionProblem> under_replicated;
  std::vector<std::string> topics_being_deleted;
  std::vector<std::string> malformed_nodes;

  [[nodiscard]] bool healthy() const {
    return controller >= 0 && offline.empty() && under_replicated.empty();
  }
};

[[nodiscard]] ClusterState state_from_metadata(const protocol::MetadataResponse& metadata,
                                               const AllReassigning& reassigning = {});
[[nodiscard]] ClusterState state_from_zookeeper(const std::string& cluster_id,
                                                const zookeeper::ControllerOffice& office,
                                                const zookeeper::ClusterNodes& nodes);
/// Adds to what the brokers told what only ZooKeeper knows: epochs, deletions, damaged nodes.
void add_epochs(ClusterState& state, const ClusterState& from_zookeeper);

void print(std::ostream& out, const ClusterState& state);
[[nodiscard]] boost::json::object to_json(const ClusterState& state);

}  // namespace ottla::cli
