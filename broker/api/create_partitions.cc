#include "common/protocol/messages/create_partitions.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreatePartitionsResponse;

CreatePartitionsResponse::Result refused(const std::string& topic, ErrorCode error,
                                         const std::string& message) {
  return {topic, error, message.empty() ? std::nullopt : std::optional(message)};
}

controller::NewPartitions to_controller(const CreatePartitionsRequest::Topic& topic) {
  controller::NewPartitions wanted{topic.name, topic.count, std::nullopt};
  if (topic.assignments) {
    auto& assignments = wanted.assignments.emplace();
    for (const auto& assignment : *topic.assignments) {
      assignments.push_back(assignment.broker_ids);
    }
  }
  return wanted;
}

}  // namespace

void handle_create_partitions(Call call, Services& services) {
  const auto request = decode_or_close<CreatePartitionsRequest>(call);
  if (!request) return;
  CreatePartitionsResponse response;
  if (!services.controller.is_controller()) {
    for (const auto& topic : request->topics) {
      response.results.push_back(refused(topic.name, ErrorCode::NotController, ""));
    }
    return answer(call, response);
  }
  std::map<std::string, int> named;
  for (const auto& topic : request->topics) ++named[topic.name];
  controller::CreatePartitionsRequest wanted;
  wanted.timeout = std::chrono::milliseconds(std::max(request->timeout_ms, 0));
  wanted.validate_only = request->validate_only;
  for (const auto& topic : request->topics) {
    if (named[topic.name] == 1) wanted.topics.push_back(to_controller(topic));
  }
  for (const auto& [name, times] : named) {
    if (times > 1) {
      response.results.push_back(
          refused(name, ErrorCode::InvalidRequest, "Duplicate topic in request."));
    }
  }
  if (wanted.topics.empty()) return answer(call, response);
  services.controller.create_partitions(
      std::move(wanted), [call = std::move(call), response = std::move(response)](
                             std::vector<controller::AddedPartitions> added) mutable {
        for (const controller::AddedPartitions& outcome : added) {
          response.results.push_back(refused(outcome.topic, outcome.error, outcome.message));
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
