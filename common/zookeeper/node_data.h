#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/base/uuid.h"
#include "common/cluster/broker.h"
#include "common/cluster/partition.h"
#include "common/zookeeper/layout.h"

/// What znodes contain: Kafka's JSON forms, and nowhere else. Readers take every version that a
/// broker up to 3.9 wrote, any key order, unknown keys, and numbers inside strings; what cannot be
/// understood is an error with the offending text. Writers give what 3.9 writes.
namespace ottla::zookeeper {

using ConfigMap = std::map<std::string, std::string>;

[[nodiscard]] std::string encode_cluster_id(const std::string& id);
Result<std::string> decode_cluster_id(std::string_view data);

/// Version 5. Kafka's own keys for the first PLAINTEXT endpoint (host null and port -1 without
/// one); Ottla's part under "ottla" when the broker has a gRPC endpoint.
[[nodiscard]] std::string encode_broker(const cluster::Broker& broker);
/// Versions 1-5. `epoch` is the node's czxid.
Result<cluster::Broker> decode_broker(BrokerId id, std::string_view data, BrokerEpoch epoch);

/// Version 3, also without a topic id (inter.broker.protocol.version below 2.8).
[[nodiscard]] std::string encode_topic(const cluster::Topic& topic);
/// Versions 1-3. Partition numbers must be 0 to n-1.
Result<cluster::Topic> decode_topic(std::string name, std::string_view data);

[[nodiscard]] std::string encode_partition_state(const cluster::PartitionState& state);
/// `epoch` is the node's zkVersion.
Result<cluster::PartitionState> decode_partition_state(std::string_view data, PartitionEpoch epoch);

struct ControllerNode {
  BrokerId broker;
  std::int64_t timestamp_ms = 0;
  /// Above 0 when a KRaft controller took the office (migration): never take it from there.
  std::int32_t kraft_controller_epoch = -1;

  friend bool operator==(const ControllerNode&, const ControllerNode&) = default;
};
[[nodiscard]] std::string encode_controller(const ControllerNode& node);
Result<ControllerNode> decode_controller(std::string_view data);

[[nodiscard]] std::string encode_controller_epoch(ControllerEpoch epoch);
Result<ControllerEpoch> decode_controller_epoch(std::string_view data);

/// /feature of inter.broker.protocol.version 3.3 and newer, without finalized features.
[[nodiscard]] std::string encode_feature();
/// Whether the node is one that 3.9 leaves alone: version 2, enabled.
[[nodiscard]] bool is_current_feature(std::string_view data);

struct ProducerIdBlock {
  BrokerId broker;
  ProducerId first;
  ProducerId last;  ///< Inclusive.

  friend bool operator==(const ProducerIdBlock&, const ProducerIdBlock&) = default;
};
[[nodiscard]] std::string encode_producer_id_block(const ProducerIdBlock& block);
Result<ProducerIdBlock> decode_producer_id_block(std::string_view data);

[[nodiscard]] std::string encode_config(const ConfigMap& config);
/// Null data (a parent of a lower level) is an empty map.
Result<ConfigMap> decode_config(std::string_view data);

[[nodiscard]] std::string encode_config_change(const layout::ConfigEntity& entity);
/// Versions 1 and 2.
Result<layout::ConfigEntity> decode_config_change(std::string_view data);

struct Reassignment {
  TopicPartition partition;
  std::vector<BrokerId> replicas;

  friend bool operator==(const Reassignment&, const Reassignment&) = default;
};
[[nodiscard]] std::string encode_reassignments(const std::vector<Reassignment>& reassignments);
Result<std::vector<Reassignment>> decode_reassignments(std::string_view data);

/// /admin/preferred_replica_election and /isr_change_notification/...
[[nodiscard]] std::string encode_partition_list(const std::vector<TopicPartition>& partitions);
Result<std::vector<TopicPartition>> decode_partition_list(std::string_view data);

/// A log directory of this broker failed.
[[nodiscard]] std::string encode_log_dir_event(BrokerId broker);
Result<BrokerId> decode_log_dir_event(std::string_view data);

}  // namespace ottla::zookeeper
