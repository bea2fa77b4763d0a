#include "common/protocol/messages/list_partition_reassignments.h"

#include <map>
#include <utility>

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::ListPartitionReassignmentsRequest;
using protocol::ListPartitionReassignmentsResponse;

ListPartitionReassignmentsResponse to_response(const controller::ReassignmentsReply& reply) {
  ListPartitionReassignmentsResponse response;
  response.error_code = reply.error;
  if (reply.error == ErrorCode::None) response.error_message = std::nullopt;
  std::map<std::string, ListPartitionReassignmentsResponse::Topic> topics;
  for (const controller::ReassigningPartition& moving : reply.partitions) {
    auto& topic = topics[moving.partition.topic];
    topic.name = moving.partition.topic;
    topic.partitions.push_back({moving.partition.partition, moving.assignment.replicas,
                                moving.assignment.adding, moving.assignment.removing});
  }
  for (auto& [name, topic] : topics) response.topics.push_back(std::move(topic));
  return response;
}

}  // namespace

void handle_list_partition_reassignments(Call call, Services& services) {
  const auto request = decode_or_close<ListPartitionReassignmentsRequest>(call);
  if (!request) return;
  std::optional<std::vector<TopicPartition>> of;
  if (request->topics) {
    of.emplace();
    for (const auto& topic : *request->topics) {
      for (const std::int32_t partition : topic.partition_indexes) {
        of->push_back({topic.name, partition});
      }
    }
  }
  services.controller.list_reassignments(
      std::move(of), [call = std::move(call)](const controller::ReassignmentsReply& reply) mutable {
        answer(call, to_response(reply));
      });
}

}  // namespace ottla::api
