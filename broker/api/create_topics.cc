#include "common/protocol/messages/create_topics.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"
#include "common/config/topic_config.h"

namespace ottla::api {
namespace {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using Asked = CreateTopicsRequest::Topic;
using Row = CreateTopicsResponse::Topic;

constexpr std::string_view kClusterMetadataTopic = "__cluster_metadata";

Row refused_row(const std::string& topic, const Error& error) {
  Row row;
  row.name = topic;
  row.error_code = error.code();
  row.error_message = error.describe();
  return row;
}

/// What cannot even be put into words for the controller.
Result<controller::NewTopic> to_controller(const Asked& asked, int times_named,
                                           const metadata::MetadataImage& image) {
  if (times_named > 1) {
    return fail(ErrorCode::InvalidRequest, "Found multiple entries for this topic.");
  }
  if (asked.name == kClusterMetadataTopic) {
    return fail(ErrorCode::InvalidRequest,
                "Creation of internal topic __cluster_metadata is prohibited.");
  }
  controller::NewTopic topic;
  topic.name = asked.name;
  topic.partitions = asked.num_partitions;
  topic.replication_factor = asked.replication_factor;
  for (const Asked::Config& config : asked.configs) {
    if (!config.value) {
      if (image.topic(asked.name)) return fail(ErrorCode::TopicAlreadyExists);
      return fail(ErrorCode::InvalidConfig,
                  "Null value not supported for topic configs: " + config.name);
    }
    topic.configs[config.name] = *config.value;
  }
  for (const Asked::Assignment& assignment : asked.assignments) {
    topic.assignments[assignment.partition_index] = assignment.broker_ids;
  }
  return topic;
}

/// v5+: the configs of the topic as it is, or would be, created (KIP-525).
std::vector<Row::Config> configs_of(const config::Properties& overrides, Services& services) {
  const auto broker = services.config.values();
  std::vector<std::string> warnings;
  const auto resolved = config::TopicConfig::resolve(*broker, overrides, warnings);
  std::vector<Row::Config> configs;
  for (const config::Entry& entry : resolved.describe(*broker)) {
    configs.push_back({entry.name, entry.value, entry.read_only,
                       static_cast<std::int8_t>(entry.source), entry.sensitive});
  }
  return configs;
}

Row row_of(const controller::CreatedTopic& created, const config::Properties& overrides,
           protocol::ApiVersion version, Services& services) {
  if (created.error != ErrorCode::None) {
    Row row = refused_row(created.name, Error(created.error, created.message));
    // What is only late will be there, under this id.
    if (created.error == ErrorCode::RequestTimedOut) row.topic_id = created.id;
    return row;
  }
  Row row;
  row.name = created.name;
  row.topic_id = created.id;
  row.error_message = std::nullopt;
  if (version.value() < 5) return row;
  row.num_partitions = created.partitions;
  row.replication_factor = static_cast<std::int16_t>(created.replication_factor);
  row.configs = configs_of(overrides, services);
  return row;
}

}  // namespace

void handle_create_topics(Call call, Services& services) {
  const auto request = decode_or_close<CreateTopicsRequest>(call);
  if (!request) return;
  CreateTopicsResponse response;
  if (!services.controller.is_controller()) {
    for (const Asked& asked : request->topics) {
      response.topics.push_back(refused_row(asked.name, Error(ErrorCode::NotController)));
    }
    return answer(call, response);
  }
  std::map<std::string, int> named;
  for (const Asked& asked : request->topics) ++named[asked.name];
  controller::CreateTopicsRequest wanted;
  wanted.timeout = std::chrono::milliseconds(std::max(request->timeout_ms, 0));
  wanted.validate_only = request->validate_only;
  std::map<std::string, config::Properties> overrides;
  const auto image = services.metadata.image();
  for (const Asked& asked : request->topics) {
    auto topic = to_controller(asked, named[asked.name], *image);
    if (!topic) {
      response.topics.push_back(refused_row(asked.name, topic.error()));
    } else {
      overrides[asked.name] = {topic->configs.begin(), topic->configs.end()};
      wanted.topics.push_back(*std::move(topic));
    }
  }
  if (wanted.topics.empty()) return answer(call, response);
  services.controller.create_topics(
      std::move(wanted),
      [call = std::move(call), response = std::move(response), overrides = std::move(overrides),
       &services](std::vector<controller::CreatedTopic> created) mutable {
        for (const controller::CreatedTopic& outcome : created) {
          response.topics.push_back(
              row_of(outcome, overrides[outcome.name], call.version(), services));
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
