#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/topic_partition.h"
#include "common/base/uuid.h"
#include "common/cluster/broker.h"
#include "common/cluster/partition.h"
#include "common/rpc/control.h"

namespace ottla::metadata {

struct PartitionMetadata {
  cluster::Assignment assignment;
  cluster::PartitionState state;
};

struct TopicMetadata {
  std::string name;
  TopicId id;
  /// By partition number; a number the controller has not told yet has no replicas.
  std::vector<PartitionMetadata> partitions;
};

/// Brokers, each by the epoch of one of its registrations.
using Registrations = std::set<std::pair<BrokerId, BrokerEpoch>>;

/// This broker's picture of the cluster at one moment, as the controller told it. Never changes:
/// an update makes another image, which shares the topics that did not change.
/// Thread: immutable.
class MetadataImage {
 public:
  using Topics = std::map<std::string, std::shared_ptr<const TopicMetadata>>;

  /// The image after `update`. Whether the update may be applied at all (epochs) is the caller's
  /// question.
  [[nodiscard]] std::shared_ptr<const MetadataImage> apply(const rpc::ClusterUpdate& update) const;

  /// The same image in which these registrations are not live.
  [[nodiscard]] std::shared_ptr<const MetadataImage> without(const Registrations& dead) const;

  [[nodiscard]] BrokerId controller() const { return controller_; }
  [[nodiscard]] ControllerEpoch controller_epoch() const { return controller_epoch_; }
  /// Whether it holds all that the controller knew when it told the last of it: only then a
  /// partition that is not in here has been deleted. False for the empty one.
  [[nodiscard]] bool is_all() const { return is_all_; }

  /// Live brokers by id.
  [[nodiscard]] const std::map<BrokerId, cluster::Broker>& brokers() const { return *brokers_; }
  /// Null when the broker is not live.
  [[nodiscard]] const cluster::Broker* broker(BrokerId id) const;

  [[nodiscard]] const Topics& topics() const { return *topics_; }
  /// Null when unknown.
  [[nodiscard]] std::shared_ptr<const TopicMetadata> topic(const std::string& name) const;
  [[nodiscard]] std::shared_ptr<const TopicMetadata> topic(const TopicId& id) const;
  /// Null when unknown.
  [[nodiscard]] const PartitionMetadata* partition(const std::string& topic,
                                                   std::int32_t partition) const;
  /// What it has of the states of the topic's partitions, by number; nothing if it knows a topic of
  /// that name by another id.
  [[nodiscard]] std::vector<std::optional<cluster::PartitionState>> states_of(
      const cluster::Topic& topic) const;
  /// How many partitions the topic has; `otherwise` while it is unknown.
  [[nodiscard]] std::int32_t partition_count(const std::string& topic,
                                             std::int32_t otherwise) const;

 private:
  using Ids = std::unordered_map<TopicId, std::string>;

  BrokerId controller_ = kNoBroker;
  ControllerEpoch controller_epoch_;
  bool is_all_ = false;
  std::shared_ptr<const std::map<BrokerId, cluster::Broker>> brokers_ =
      std::make_shared<std::map<BrokerId, cluster::Broker>>();
  std::shared_ptr<const Topics> topics_ = std::make_shared<Topics>();
  std::shared_ptr<const Ids> ids_ = std::make_shared<Ids>();
};

}  // namespace ottla::metadata
