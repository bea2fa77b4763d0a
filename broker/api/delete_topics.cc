#include "common/protocol/messages/delete_topics.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"
#include "common/config/broker_keys.h"

namespace ottla::api {
namespace {

using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;
using Row = DeleteTopicsResponse::Topic;

/// Names only below v6, names or ids from then on.
std::vector<DeleteTopicsRequest::Topic> asked_topics(const DeleteTopicsRequest& request) {
  std::vector<DeleteTopicsRequest::Topic> asked = request.topics;
  for (const std::string& name : request.topic_names) asked.push_back({name, {}});
  return asked;
}

ErrorCode refusal(const Services& services, protocol::ApiVersion version) {
  if (!services.controller.is_controller()) return ErrorCode::NotController;
  if (services.config.get(config::kDeleteTopicEnable)) return ErrorCode::None;
  return version.value() < 3 ? ErrorCode::InvalidRequest : ErrorCode::TopicDeletionDisabled;
}

ErrorCode fault_of(const DeleteTopicsRequest::Topic& topic) {
  if (topic.name && !topic.topic_id.is_zero()) return ErrorCode::InvalidRequest;
  // Observed of 3.9: what names nothing is taken as a topic that may not be seen.
  if (!topic.name && topic.topic_id.is_zero()) return ErrorCode::TopicAuthorizationFailed;
  // An empty name is one that no topic has, and does not mean the id.
  if (topic.name && topic.name->empty()) return ErrorCode::UnknownTopicOrPartition;
  return ErrorCode::None;
}

Row row_of(const DeleteTopicsRequest::Topic& topic, ErrorCode error) {
  Row row;
  row.name = topic.name;
  row.topic_id = topic.topic_id;
  row.error_code = error;
  return row;
}

/// Puts the controller's answers into the rows that asked for them; a topic may be named twice.
void fill(std::vector<Row>& rows, const std::vector<controller::DeletedTopic>& deleted) {
  for (Row& row : rows) {
    if (row.error_code != ErrorCode::None) continue;
    for (const controller::DeletedTopic& outcome : deleted) {
      const bool same = row.name ? outcome.name == *row.name : outcome.id == row.topic_id;
      if (!same) continue;
      row.error_code = outcome.error;
      if (!outcome.message.empty()) row.error_message = outcome.message;
      if (!row.name && !outcome.name.empty()) row.name = outcome.name;
      break;
    }
  }
}

}  // namespace

void handle_delete_topics(Call call, Services& services) {
  const auto request = decode_or_close<DeleteTopicsRequest>(call);
  if (!request) return;
  const auto asked = asked_topics(*request);
  DeleteTopicsResponse response;
  if (const ErrorCode error = refusal(services, call.version()); error != ErrorCode::None) {
    for (const auto& topic : asked) response.responses.push_back(row_of(topic, error));
    return answer(call, response);
  }
  controller::DeleteTopicsRequest wanted;
  wanted.timeout = std::chrono::milliseconds(std::max(request->timeout_ms, 0));
  for (const auto& topic : asked) {
    const Row& row = response.responses.emplace_back(row_of(topic, fault_of(topic)));
    const bool again = std::any_of(wanted.topics.begin(), wanted.topics.end(), [&](const auto& w) {
      return w.name == row.name.value_or("") && w.id == row.topic_id;
    });
    if (row.error_code == ErrorCode::None && !again) {
      wanted.topics.push_back({row.name.value_or(""), row.topic_id});
    }
  }
  if (wanted.topics.empty()) return answer(call, response);
  services.controller.delete_topics(std::move(wanted),
                                    [call = std::move(call), response = std::move(response)](
                                        std::vector<controller::DeletedTopic> deleted) mutable {
                                      fill(response.responses, deleted);
                                      answer(call, response);
                                    });
}

}  // namespace ottla::api
