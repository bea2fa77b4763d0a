#include "common/protocol/messages/elect_leaders.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::ElectLeadersRequest;
using protocol::ElectLeadersResponse;

/// `election_type` on the wire (KIP-460); older requests mean the preferred leader.
constexpr std::int8_t kPreferred = 0;
constexpr std::int8_t kUnclean = 1;

ElectLeadersResponse to_response(const controller::PartitionsReply& reply) {
  ElectLeadersResponse response;
  response.error_code = reply.error;
  std::map<std::string, ElectLeadersResponse::ReplicaElectionResult> topics;
  for (const controller::PartitionAnswer& answer : reply.partitions) {
    auto& topic = topics[answer.partition.topic];
    topic.topic = answer.partition.topic;
    topic.partition_result.push_back(
        {answer.partition.partition, answer.error,
         answer.message.empty() ? std::nullopt : std::optional(answer.message)});
  }
  for (auto& [name, topic] : topics) response.replica_election_results.push_back(std::move(topic));
  return response;
}

}  // namespace

void handle_elect_leaders(Call call, Services& services) {
  const auto request = decode_or_close<ElectLeadersRequest>(call);
  if (!request) return;
  if (request->election_type != kPreferred && request->election_type != kUnclean) {
    return answer(call, to_response({.error = ErrorCode::InvalidRequest, .partitions = {}}));
  }
  controller::ElectLeadersRequest wanted;
  wanted.kind = request->election_type == kUnclean ? controller::ElectionKind::Unclean
                                                   : controller::ElectionKind::Preferred;
  wanted.timeout = std::chrono::milliseconds(std::max(request->timeout_ms, 0));
  if (request->topic_partitions) {
    wanted.partitions.emplace();
    for (const auto& topic : *request->topic_partitions) {
      for (const std::int32_t partition : topic.partitions) {
        wanted.partitions->push_back({topic.topic, partition});
      }
    }
  }
  services.controller.elect_leaders(
      std::move(wanted),
      [call = std::move(call)](const controller::PartitionsReply& reply) mutable {
        answer(call, to_response(reply));
      });
}

}  // namespace ottla::api
