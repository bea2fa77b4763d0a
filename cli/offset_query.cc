#include "cli/offset_query.h"

#include <string>
#include <vector>

#include "common/protocol/messages/list_offsets.h"

namespace ottla::cli {

Result<std::map<TopicPartition, std::int64_t>> list_offsets(
    BrokerClient& client, const std::set<TopicPartition>& partitions, std::int64_t time) {
  std::vector<std::string> topics;
  for (const TopicPartition& partition : partitions) {
    if (topics.empty() || topics.back() != partition.topic) topics.push_back(partition.topic);
  }
  std::map<TopicPartition, std::int64_t> offsets;
  if (topics.empty()) return offsets;
  OTTLA_TRY(const auto metadata, client.metadata(topics));
  std::map<BrokerId, protocol::ListOffsetsRequest> by_leader;
  for (const auto& topic : metadata.topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition name{topic.name.value_or(""), partition.partition_index};
      if (!partitions.contains(name) || partition.leader_id == kNoBroker) continue;
      auto& request = by_leader[partition.leader_id];
      request.replica_id = kNoBroker;
      if (request.topics.empty() || request.topics.back().name != name.topic) {
        request.topics.push_back({.name = name.topic, .partitions = {}});
      }
      auto& asked = request.topics.back().partitions.emplace_back();
      asked.partition_index = name.partition;
      asked.timestamp = time;
    }
  }
  for (const auto& [leader, request] : by_leader) {
    OTTLA_TRY(const auto response, client.ask<protocol::ListOffsetsResponse>(leader, request));
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.error_code != ErrorCode::None || partition.offset.value() < 0) continue;
        offsets[{topic.name, partition.partition_index}] = partition.offset.value();
      }
    }
  }
  return offsets;
}

}  // namespace ottla::cli
