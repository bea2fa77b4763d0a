#include "common/protocol/messages/describe_topic_partitions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "broker/api/endpoints.h"
#include "broker/api/handlers.h"
#include "common/cluster/topic_name.h"
#include "common/config/network_keys.h"

namespace ottla::api {
namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;
using Topic = DescribeTopicPartitionsResponse::Topic;

Topic::Partition describe(std::int32_t index, const metadata::PartitionMetadata& known,
                          const metadata::MetadataImage& image, const std::string& listener) {
  Topic::Partition partition;
  partition.partition_index = index;
  partition.leader_id = known.state.leader;
  partition.leader_epoch = known.state.leader_epoch;
  partition.replica_nodes = known.assignment.replicas;
  partition.isr_nodes = known.state.isr;
  partition.eligible_leader_replicas = known.state.eligible_leaders;
  partition.last_known_elr = known.state.last_known_eligible_leaders;
  partition.offline_replicas = offline_replicas(image, known.assignment.replicas);
  if (endpoint_of(image, known.state.leader, listener) == nullptr) {
    partition.leader_id = kNoBroker;
    partition.error_code = image.broker(known.state.leader) != nullptr
                               ? ErrorCode::ListenerNotFound
                               : ErrorCode::LeaderNotAvailable;
  }
  return partition;
}

/// The topics to tell about, in the order of names, from the cursor on.
std::set<std::string> wanted_topics(const DescribeTopicPartitionsRequest& request,
                                    const metadata::MetadataImage& image) {
  std::set<std::string> wanted;
  for (const auto& topic : request.topics) wanted.insert(topic.name);
  if (request.topics.empty()) {
    for (const auto& [name, topic] : image.topics()) wanted.insert(name);
  }
  if (request.cursor) wanted.erase(wanted.begin(), wanted.lower_bound(request.cursor->topic_name));
  return wanted;
}

/// Adds partitions of `known` from `first` on while `room` lasts. Returns the partition to go on
/// with, or -1 when all are told.
std::int32_t add_partitions(Topic& topic, const metadata::TopicMetadata& known, std::int32_t first,
                            std::int32_t& room, const metadata::MetadataImage& image,
                            const std::string& listener) {
  const auto count = static_cast<std::int32_t>(known.partitions.size());
  for (std::int32_t i = std::max(first, 0); i < count; ++i) {
    const auto& partition = known.partitions[static_cast<std::size_t>(i)];
    if (partition.assignment.replicas.empty()) continue;
    if (room == 0) return i;
    --room;
    topic.partitions.push_back(describe(i, partition, image, listener));
  }
  return -1;
}

}  // namespace

void handle_describe_topic_partitions(Call call, Services& services) {
  const auto request = decode_or_close<DescribeTopicPartitionsRequest>(call);
  if (!request) return;
  const auto image = services.metadata.image();
  const std::string& listener = call.connection().listener;
  std::int32_t room = std::clamp(request->response_partition_limit, 1,
                                 services.config.get(config::kMaxRequestPartitionSizeLimit));
  DescribeTopicPartitionsResponse response;
  for (const std::string& name : wanted_topics(*request, *image)) {
    if (room == 0) {
      response.next_cursor = {name, 0};
      break;
    }
    Topic& topic = response.topics.emplace_back();
    topic.name = name;
    topic.is_internal = cluster::is_internal_topic(name);
    topic.topic_authorized_operations = kAllTopicOperations;
    const auto known = image->topic(name);
    if (!known) {
      topic.error_code = cluster::is_valid_topic_name(name) ? ErrorCode::UnknownTopicOrPartition
                                                            : ErrorCode::InvalidTopicException;
      continue;
    }
    topic.topic_id = known->id;
    const bool at_cursor = request->cursor && request->cursor->topic_name == name;
    const std::int32_t left = add_partitions(
        topic, *known, at_cursor ? request->cursor->partition_index : 0, room, *image, listener);
    if (left >= 0) {
      response.next_cursor = {name, left};
      break;
    }
  }
  answer(call, response);
}

}  // namespace ottla::api
