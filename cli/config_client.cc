#include "cli/config_client.h"

#include <algorithm>
#include <charconv>

#include "common/protocol/messages/describe_configs.h"
#include "common/protocol/messages/incremental_alter_configs.h"

namespace ottla::cli {
namespace {

using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using protocol::IncrementalAlterConfigsRequest;
using protocol::IncrementalAlterConfigsResponse;

/// A broker's own config is asked of that broker; everything else of any.
template <class Response, class Request>
Result<Response> ask(BrokerClient& client, const ConfigResource& resource, const Request& request) {
  if (resource.type == ConfigType::Topic || resource.name.empty()) {
    return client.ask<Response>(request);
  }
  std::int32_t id = -1;
  const char* const end = resource.name.data() + resource.name.size();
  const auto [at, error] = std::from_chars(resource.name.data(), end, id);
  if (error != std::errc() || at != end) {
    return fail(
        ErrorCode::InvalidRequest,
        "The entity name for brokers must be a valid integer broker id, found: " + resource.name);
  }
  return client.ask<Response>(BrokerId(id), request);
}

std::string subject_of(const ConfigResource& resource) {
  if (resource.type == ConfigType::Topic) return "topic " + resource.name;
  if (resource.name.empty()) return "the default of all brokers";
  return (resource.type == ConfigType::Broker ? "broker " : "broker logger ") + resource.name;
}

Result<> result_of(const ConfigResource& resource, ErrorCode error,
                   const std::optional<std::string>& message) {
  if (error == ErrorCode::None) return {};
  std::string text = message && !message->empty() ? *message : std::string(text_of(error));
  if (error == ErrorCode::UnknownTopicOrPartition) text = "it does not exist";
  return fail(error, subject_of(resource) + ": " + text + " (" + std::string(name_of(error)) + ")");
}

config::Entry entry_of(const DescribeConfigsResponse::Result::Config& told) {
  config::Entry entry;
  entry.name = told.name;
  entry.value = told.value;
  entry.source = static_cast<config::Source>(told.config_source);
  entry.type = static_cast<config::ValueType>(told.config_type);
  entry.read_only = told.read_only;
  entry.sensitive = told.is_sensitive;
  for (const auto& synonym : told.synonyms) {
    entry.synonyms.push_back(
        {synonym.name, synonym.value, static_cast<config::Source>(synonym.source)});
  }
  return entry;
}

}  // namespace

Result<std::vector<config::Entry>> describe_config(BrokerClient& client,
                                                   const ConfigResource& resource) {
  DescribeConfigsRequest request;
  request.resources = {{.resource_type = static_cast<std::int8_t>(resource.type),
                        .resource_name = resource.name,
                        .configuration_keys = std::nullopt}};
  request.include_synonyms = true;
  OTTLA_TRY(const auto response, ask<DescribeConfigsResponse>(client, resource, request));
  if (response.results.empty()) return fail(ErrorCode::UnknownServerError, "an empty answer");
  const auto& result = response.results.front();
  OTTLA_TRY_VOID(result_of(resource, result.error_code, result.error_message));
  std::vector<config::Entry> entries;
  for (const auto& told : result.configs) entries.push_back(entry_of(told));
  std::ranges::sort(entries, {}, &config::Entry::name);
  return entries;
}

Result<> alter_config(BrokerClient& client, const ConfigResource& resource,
                      const std::vector<ConfigEdit>& edits) {
  constexpr std::int8_t kSet = 0;
  constexpr std::int8_t kDelete = 1;
  IncrementalAlterConfigsRequest request;
  auto& asked = request.resources.emplace_back();
  asked.resource_type = static_cast<std::int8_t>(resource.type);
  asked.resource_name = resource.name;
  for (const ConfigEdit& edit : edits) {
    asked.configs.push_back(
        {.name = edit.name, .config_operation = edit.value ? kSet : kDelete, .value = edit.value});
  }
  OTTLA_TRY(const auto response, ask<IncrementalAlterConfigsResponse>(client, resource, request));
  if (response.responses.empty()) return fail(ErrorCode::UnknownServerError, "an empty answer");
  const auto& result = response.responses.front();
  return result_of(resource, result.error_code, result.error_message);
}

}  // namespace ottla::cli
