#include "common/protocol/messages/describe_configs.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "broker/api/config_resources.h"
#include "broker/api/handlers.h"
#include "broker/api/log_levels.h"
#include "common/cluster/topic_name.h"
#include "common/config/entry.h"

namespace ottla::api {
namespace {

using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using Asked = DescribeConfigsRequest::Resource;
using Answer = DescribeConfigsResponse::Result;

Result<std::vector<config::Entry>> entries_of_topic(const std::string& topic, Services& services) {
  if (!cluster::is_valid_topic_name(topic)) {
    return fail(ErrorCode::InvalidTopicException, "Topic name is invalid: '" + topic + "'");
  }
  if (!services.metadata.image()->topic(topic)) return fail(ErrorCode::UnknownTopicOrPartition);
  return services.topic_configs.topic_config(topic)->describe(*services.config.values());
}

/// Whatever else this broker has for it.
void keep_cluster_default(config::Entry& entry) {
  std::erase_if(entry.synonyms, [](const config::Synonym& synonym) {
    return synonym.source != config::Source::DynamicDefaultBroker;
  });
  if (entry.synonyms.empty()) return;
  entry.source = config::Source::DynamicDefaultBroker;
  entry.value = entry.synonyms.front().value;
}

/// An empty name asks for the cluster-wide dynamic defaults, which are all that is told then.
Result<std::vector<config::Entry>> entries_of_broker(const std::string& name, Services& services) {
  std::vector<config::Entry> entries = services.config.describe();
  if (name.empty()) {
    for (config::Entry& entry : entries) keep_cluster_default(entry);
    std::erase_if(entries, [](const config::Entry& entry) { return entry.synonyms.empty(); });
    return entries;
  }
  OTTLA_TRY_VOID(check_own_id(name, services.broker));
  return entries;
}

Result<std::vector<config::Entry>> entries_of_loggers(const std::string& name, BrokerId own) {
  if (name.empty()) return fail(ErrorCode::InvalidRequest, "Broker id must not be empty");
  OTTLA_TRY_VOID(check_own_id(name, own));
  std::vector<config::Entry> entries;
  for (const std::string_view logger : kLoggers) {
    entries.push_back({.name = std::string(logger),
                       .value = std::string(log_level(logger)),
                       .source = config::Source::DynamicBrokerLogger,
                       .type = config::ValueType::Unknown,  // as in Kafka
                       .doc = logger == kRootLogger
                                  ? "How much this broker logs."
                                  : "A line for each request at DEBUG; at TRACE with its answer."});
  }
  return entries;
}

Result<std::vector<config::Entry>> entries_of(const Asked& asked, Services& services) {
  if (asked.resource_type == kTopicResource) {
    return entries_of_topic(asked.resource_name, services);
  }
  if (asked.resource_type == kBrokerResource) {
    return entries_of_broker(asked.resource_name, services);
  }
  if (asked.resource_type == kBrokerLoggerResource) {
    return entries_of_loggers(asked.resource_name, services.broker);
  }
  if (asked.resource_type == kClientMetricsResource) {
    return fail(ErrorCode::InvalidRequest, "Client metrics exist in KRaft clusters only.");
  }
  return fail(ErrorCode::InvalidRequest,
              "Unsupported resource type: " + std::to_string(asked.resource_type));
}

/// No keys and an empty list of them both ask for all.
bool is_wanted(const Asked& asked, const std::string& key) {
  return !asked.configuration_keys || asked.configuration_keys->empty() ||
         std::find(asked.configuration_keys->begin(), asked.configuration_keys->end(), key) !=
             asked.configuration_keys->end();
}

Answer::Config to_wire(const config::Entry& entry, const DescribeConfigsRequest& request,
                       protocol::ApiVersion version) {
  Answer::Config told;
  told.name = entry.name;
  told.value = entry.value;
  told.read_only = entry.read_only;
  told.is_default = version.value() == 0 && entry.source == config::Source::Default;
  told.config_source = static_cast<std::int8_t>(entry.source);
  told.is_sensitive = entry.sensitive;
  told.config_type = static_cast<std::int8_t>(entry.type);
  told.documentation =
      request.include_documentation ? std::optional(std::string(entry.doc)) : std::nullopt;
  if (request.include_synonyms) {
    for (const config::Synonym& synonym : entry.synonyms) {
      told.synonyms.push_back(
          {synonym.name, synonym.value, static_cast<std::int8_t>(synonym.source)});
    }
  }
  return told;
}

Answer describe(const Asked& asked, const DescribeConfigsRequest& request,
                protocol::ApiVersion version, Services& services) {
  Answer told;
  told.resource_type = asked.resource_type;
  told.resource_name = asked.resource_name;
  told.error_message = std::nullopt;
  const auto entries = entries_of(asked, services);
  if (!entries) {
    told.error_code = entries.error().code();
    told.error_message = entries.error().describe();
    return told;
  }
  for (const config::Entry& entry : *entries) {
    if (is_wanted(asked, entry.name)) told.configs.push_back(to_wire(entry, request, version));
  }
  return told;
}

}  // namespace

void handle_describe_configs(Call call, Services& services) {
  const auto request = decode_or_close<DescribeConfigsRequest>(call);
  if (!request) return;
  DescribeConfigsResponse response;
  for (const Asked& asked : request->resources) {
    response.results.push_back(describe(asked, *request, call.version(), services));
  }
  answer(call, response);
}

}  // namespace ottla::api
