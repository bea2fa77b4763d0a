#include "common/protocol/messages/alter_partition_reassignments.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::AlterPartitionReassignmentsRequest;
using protocol::AlterPartitionReassignmentsResponse;

AlterPartitionReassignmentsResponse to_response(const controller::PartitionsReply& reply) {
  AlterPartitionReassignmentsResponse response;
  response.error_code = reply.error;
  if (reply.error == ErrorCode::None) response.error_message = std::nullopt;
  std::map<std::string, AlterPartitionReassignmentsResponse::Response> topics;
  for (const controller::PartitionAnswer& answer : reply.partitions) {
    auto& topic = topics[answer.partition.topic];
    topic.name = answer.partition.topic;
    topic.partitions.push_back(
        {answer.partition.partition, answer.error,
         answer.message.empty() ? std::nullopt : std::optional(answer.message)});
  }
  for (auto& [name, topic] : topics) response.responses.push_back(std::move(topic));
  return response;
}

}  // namespace

void handle_alter_partition_reassignments(Call call, Services& services) {
  const auto request = decode_or_close<AlterPartitionReassignmentsRequest>(call);
  if (!request) return;
  controller::AlterReassignmentsRequest wanted;
  wanted.timeout = std::chrono::milliseconds(std::max(request->timeout_ms, 0));
  for (const auto& topic : request->topics) {
    for (const auto& partition : topic.partitions) {
      wanted.partitions.push_back({{topic.name, partition.partition_index}, partition.replicas});
    }
  }
  services.controller.alter_reassignments(
      std::move(wanted),
      [call = std::move(call)](const controller::PartitionsReply& reply) mutable {
        answer(call, to_response(reply));
      });
}

}  // namespace ottla::api
