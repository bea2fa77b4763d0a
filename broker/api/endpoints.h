#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/metadata/metadata_image.h"
#include "common/base/id.h"
#include "common/cluster/broker.h"

namespace ottla::api {

/// The bits that stand for all operations on a resource, which is what everybody may do as long as
/// no authorizer is configured (KIP-430).
inline constexpr std::int32_t kAllTopicOperations = 0x0df8;
inline constexpr std::int32_t kAllGroupOperations = 0x0148;
inline constexpr std::int32_t kAllClusterOperations = 0x1fa0;

/// Where a live broker is reached over `listener`; null when it is not live or has no such
/// listener.
[[nodiscard]] const cluster::Endpoint* endpoint_of(const metadata::MetadataImage& image,
                                                   BrokerId broker, const std::string& listener);

/// The replicas that are not on a live broker.
[[nodiscard]] std::vector<BrokerId> offline_replicas(const metadata::MetadataImage& image,
                                                     const std::vector<BrokerId>& replicas);

/// What a client is told of the leader that it should have asked (KIP-951), and the endpoints of
/// these leaders, each once.
template <class CurrentLeader, class NodeEndpoint>
class CurrentLeaders {
 public:
  CurrentLeaders(const metadata::MetadataImage& image, const std::string& listener)
      : image_(image), listener_(listener) {}

  /// All -1 when the image does not know a leader.
  [[nodiscard]] CurrentLeader find(const std::string& topic, std::int32_t partition) {
    CurrentLeader found;
    const metadata::PartitionMetadata* const known = image_.partition(topic, partition);
    if (known == nullptr) return found;
    found.leader_id = known->state.leader;
    found.leader_epoch = known->state.leader_epoch;
    const cluster::Endpoint* const endpoint = endpoint_of(image_, found.leader_id, listener_);
    if (endpoint != nullptr) {
      endpoints_[found.leader_id] = {found.leader_id, endpoint->host, endpoint->port,
                                     image_.broker(found.leader_id)->rack};
    }
    return found;
  }

  [[nodiscard]] std::vector<NodeEndpoint> endpoints() const {
    std::vector<NodeEndpoint> all;
    for (const auto& [id, endpoint] : endpoints_) all.push_back(endpoint);
    return all;
  }

 private:
  const metadata::MetadataImage& image_;
  const std::string& listener_;
  std::map<BrokerId, NodeEndpoint> endpoints_;
};

}  // namespace ottla::api
