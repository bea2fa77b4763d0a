// `ottla topics`: what kafka-topics does.
#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/reassigning.h"
#include "cli/replica_assignment.h"
#include "cli/tool.h"
#include "cli/topic_description.h"
#include "cli/topic_filter.h"
#include "common/protocol/messages/create_partitions.h"
#include "common/protocol/messages/create_topics.h"
#include "common/protocol/messages/delete_topics.h"
#include "common/protocol/messages/describe_configs.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "create", .doc = "create a topic"},
    {.name = "list", .doc = "list the topics"},
    {.name = "describe", .doc = "show topics and their partitions"},
    {.name = "alter", .doc = "raise the number of partitions"},
    {.name = "delete", .doc = "delete topics"},
    {.name = "topic",
     .value = "name",
     .doc = "the topic; to describe, list, alter and delete: regular expressions"},
    {.name = "topic-id", .value = "id", .doc = "describe the topic with this id"},
    {.name = "partitions", .value = "count", .doc = "number of partitions"},
    {.name = "replication-factor", .value = "count", .doc = "number of replicas"},
    {.name = "replica-assignment",
     .value = "0:1,1:2,..",
     .doc = "the brokers of each partition: partition 0 on 0 and 1, partition 1 on 1 and 2"},
    {.name = "config", .value = "name=value", .doc = "topic configuration", .repeated = true},
    {.name = "delete-config",
     .value = "name",
     .doc = "no longer here: a topic's configuration is changed by the configs tool",
     .repeated = true},
    {.name = "if-exists", .doc = "a missing topic is no error"},
    {.name = "if-not-exists", .doc = "a topic that is there already is no error"},
    {.name = "exclude-internal", .doc = "leave out Kafka's own topics"},
    {.name = "topics-with-overrides", .doc = "describe: only topics with own configuration"},
    {.name = "under-replicated-partitions", .doc = "describe: only with replicas out of sync"},
    {.name = "unavailable-partitions", .doc = "describe: only without a living leader"},
    {.name = "under-min-isr-partitions", .doc = "describe: only below min.insync.replicas"},
    {.name = "at-min-isr-partitions", .doc = "describe: only just at min.insync.replicas"},
    {.name = "partition-size-limit-per-response",
     .value = "count",
     .doc = "accepted; answers are not cut into pages here"},
};

constexpr std::string_view kUnderReplicated = "under-replicated-partitions";
constexpr std::string_view kUnavailable = "unavailable-partitions";
constexpr std::string_view kUnderMinIsr = "under-min-isr-partitions";
constexpr std::string_view kAtMinIsr = "at-min-isr-partitions";
constexpr std::string_view kWithOverrides = "topics-with-overrides";

constexpr std::int8_t kTopicResource = 2;
constexpr std::int8_t kDynamicTopicSource = 1;

tl::unexpected<Error> refused(ErrorCode code, const std::optional<std::string>& message,
                              const std::string& topic) {
  const std::string why = message && !message->empty() ? *message : std::string(text_of(code));
  return fail(code, "topic " + topic + ": " + why + " (" + std::string(name_of(code)) + ")");
}

void print_json(Console& console, const boost::json::value& value) {
  console.out << boost::json::serialize(value) << '\n';
}

/// The topics that --topic (or --topic-id) and --exclude-internal choose, by name. Errors:
/// UnknownTopicOrPartition if a topic is asked for, none fits, and --if-exists is not given.
Result<std::vector<TopicDescription>> chosen_topics(BrokerClient& client,
                                                    const Arguments& arguments) {
  std::optional<TopicFilter> filter;
  if (const auto topic = arguments.value("topic")) {
    OTTLA_TRY(filter, TopicFilter::parse(*topic));
  }
  std::optional<Uuid> id;
  if (const auto text = arguments.value("topic-id")) {
    id = Uuid::parse(*text);
    if (!id) return fail(ErrorCode::InvalidRequest, "--topic-id " + *text + ": is no topic id");
  }
  OTTLA_TRY(const auto metadata, client.metadata());
  std::vector<TopicDescription> topics;
  for (const auto& topic : metadata.topics) {
    auto description = describe(topic);
    if (id && topic.topic_id != *id) continue;
    if (!id && filter && !filter->accepts(description.name)) continue;
    if (arguments.has("exclude-internal") && description.internal) continue;
    topics.push_back(std::move(description));
  }
  std::ranges::sort(topics, {}, &TopicDescription::name);
  if (topics.empty() && (filter || id) && !arguments.has("if-exists")) {
    return fail(ErrorCode::UnknownTopicOrPartition,
                "no topic " + arguments.value_or("topic-id", arguments.value_or("topic", "")) +
                    " (UNKNOWN_TOPIC_OR_PARTITION)");
  }
  return topics;
}

Result<> list_topics(const Arguments& arguments, Console& console) {
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  auto topics = chosen_topics(client, arguments);
  // As with Kafka's tool, an empty list is no error.
  if (!topics && topics.error().code() != ErrorCode::UnknownTopicOrPartition) {
    return fail(std::move(topics).error());
  }
  boost::json::array names;
  if (topics) {
    for (const auto& topic : *topics) names.emplace_back(topic.name);
  }
  if (arguments.has("json")) {
    print_json(console, names);
  } else {
    for (const auto& name : names) console.out << name.as_string().c_str() << '\n';
  }
  return {};
}

/// Adds what DescribeConfigs knows: the topics' own configurations and min.insync.replicas.
Result<> add_configs(BrokerClient& client, std::vector<TopicDescription>& topics) {
  if (topics.empty()) return {};
  protocol::DescribeConfigsRequest request;
  for (const auto& topic : topics) {
    request.resources.push_back({.resource_type = kTopicResource,
                                 .resource_name = topic.name,
                                 .configuration_keys = std::nullopt});
  }
  OTTLA_TRY(const auto response, client.ask<protocol::DescribeConfigsResponse>(request));
  for (const auto& result : response.results) {
    const auto topic = std::ranges::find(topics, result.resource_name, &TopicDescription::name);
    if (topic == topics.end()) continue;
    // A topic that was deleted meanwhile is shown without configuration.
    if (result.error_code == ErrorCode::UnknownTopicOrPartition) continue;
    if (result.error_code != ErrorCode::None) {
      return refused(result.error_code, result.error_message, topic->name);
    }
    for (const auto& config : result.configs) {
      const std::string value = config.value.value_or("");
      if (config.config_source == kDynamicTopicSource) topic->own_configs[config.name] = value;
      if (config.name != "min.insync.replicas") continue;
      std::int32_t number = 1;
      (void)std::from_chars(value.data(), value.data() + value.size(), number);  // else 1
      topic->min_insync_replicas = number;
    }
  }
  return {};
}

using PartitionFilter = std::function<bool(const TopicDescription&, const PartitionDescription&)>;

/// The filter that the flags name; empty if all partitions are to be shown.
PartitionFilter partition_filter(const Arguments& arguments, const std::vector<BrokerId>& living) {
  if (arguments.has(kUnderReplicated)) {
    return [](const auto&, const auto& partition) { return partition.is_under_replicated(); };
  }
  if (arguments.has(kUnavailable)) {
    return [living](const auto&, const auto& partition) {
      return std::ranges::find(living, BrokerId(partition.leader)) == living.end();
    };
  }
  if (arguments.has(kUnderMinIsr)) {
    return [](const auto& topic, const auto& partition) {
      return std::cmp_less(partition.isr.size(), topic.min_insync_replicas.value_or(1));
    };
  }
  if (arguments.has(kAtMinIsr)) {
    return [](const auto& topic, const auto& partition) {
      return std::cmp_equal(partition.isr.size(), topic.min_insync_replicas.value_or(1));
    };
  }
  return {};
}

void print_described(const std::vector<TopicDescription>& topics, const PartitionFilter& filter,
                     const Arguments& arguments, Console& console) {
  boost::json::array array;
  for (auto topic : topics) {
    if (arguments.has(kWithOverrides) && topic.own_configs.empty()) continue;
    if (filter) {
      std::erase_if(topic.partitions,
                    [&](const auto& partition) { return !filter(topic, partition); });
      if (topic.partitions.empty()) continue;
    }
    if (arguments.has("json")) {
      array.push_back(to_json(topic));
      continue;
    }
    std::ostringstream lines;
    if (!filter) print_topic_line(lines, topic);
    if (!arguments.has(kWithOverrides)) {
      for (const auto& partition : topic.partitions) print_partition_line(lines, topic, partition);
    }
    print_lines(console.page(), lines.view());
  }
  if (arguments.has("json")) print_json(console, array);
}

Result<> describe_topics(const Arguments& arguments, Console& console) {
  constexpr std::array kFilters = {kUnderReplicated, kUnavailable, kUnderMinIsr, kAtMinIsr,
                                   kWithOverrides};
  if (std::ranges::count_if(kFilters, [&](auto name) { return arguments.has(name); }) > 1) {
    OTTLA_TRY([[maybe_unused]] const auto name, arguments.exactly_one_of(kFilters));
  }
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(auto topics, chosen_topics(client, arguments));
  const bool needs_configs =
      arguments.has(kUnderMinIsr) || arguments.has(kAtMinIsr) || arguments.has(kWithOverrides);
  if (needs_configs || client.serves(protocol::ApiKey::DescribeConfigs)) {
    OTTLA_TRY_VOID(add_configs(client, topics));
  }
  // Of a cluster without a controller nobody knows.
  if (const auto all = list_reassigning(client, kReassigningPatience))
    add_reassigning(topics, *all);
  OTTLA_TRY(const auto brokers, client.metadata(std::vector<std::string>{}));
  std::vector<BrokerId> living;
  for (const auto& broker : brokers.brokers) living.push_back(broker.node_id);
  print_described(topics, partition_filter(arguments, living), arguments, console);
  return {};
}

Result<protocol::CreateTopicsRequest> create_request(const Arguments& arguments,
                                                     const std::string& name) {
  protocol::CreateTopicsRequest request;
  request.timeout_ms = 60000;
  auto& topic = request.topics.emplace_back();
  topic.name = name;
  OTTLA_TRY(const auto partitions, arguments.number("partitions", 1));
  OTTLA_TRY(const auto replicas, arguments.number("replication-factor", 1));
  topic.num_partitions = static_cast<std::int32_t>(partitions.value_or(-1));
  topic.replication_factor = static_cast<std::int16_t>(replicas.value_or(-1));
  if (const auto text = arguments.value("replica-assignment")) {
    constexpr std::array<std::string_view, 2> kCounts = {"partitions", "replication-factor"};
    OTTLA_TRY_VOID(arguments.refuse_with("replica-assignment", kCounts));
    OTTLA_TRY(const auto assignment, parse_replica_assignment(*text));
    for (const auto& brokers : assignment) {
      topic.assignments.push_back(
          {.partition_index = static_cast<std::int32_t>(topic.assignments.size()),
           .broker_ids = brokers});
    }
  }
  for (const auto& [config, value] : arguments.pairs("config")) {
    topic.configs.push_back({.name = config, .value = value});
  }
  return request;
}

Result<> create_topic(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("topic"));
  const std::string name = *arguments.value("topic");
  OTTLA_TRY(const auto request, create_request(arguments, name));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  if (name.find_first_of("._") != std::string::npos) {
    console.err << "WARNING: names that differ only in '.' and '_' have the same metrics; use one "
                   "of the two in all names.\n";
  }
  OTTLA_TRY(const auto response, client.ask_controller<protocol::CreateTopicsResponse>(request));
  bool created = false;
  for (const auto& topic : response.topics) {
    const bool exists = topic.error_code == ErrorCode::TopicAlreadyExists;
    if (exists && arguments.has("if-not-exists")) continue;
    if (topic.error_code != ErrorCode::None) {
      return refused(topic.error_code, topic.error_message, topic.name);
    }
    created = true;
  }
  if (arguments.has("json")) {
    print_json(console, {{"topic", name}, {"created", created}});
  } else if (created) {
    console.out << "Created topic " << name << ".\n";
  }
  return {};
}

Result<> alter_topics(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("topic"));
  constexpr std::array<std::string_view, 2> kGone = {"config", "delete-config"};
  OTTLA_TRY_VOID(arguments.refuse_with("alter", kGone));
  OTTLA_TRY_VOID(arguments.require("partitions"));
  OTTLA_TRY(const auto count, arguments.number("partitions", 1));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const auto topics, chosen_topics(client, arguments));
  if (topics.empty()) return {};

  protocol::CreatePartitionsRequest request;
  request.timeout_ms = 60000;
  for (const auto& topic : topics) {
    auto& more = request.topics.emplace_back();
    more.name = topic.name;
    more.count = static_cast<std::int32_t>(*count);
    more.assignments.reset();
    if (const auto text = arguments.value("replica-assignment")) {
      // As in Kafka's tool, the assignment names all partitions; those that exist are left out.
      OTTLA_TRY(const auto assignment, parse_replica_assignment(*text));
      more.assignments.emplace();
      for (std::size_t at = topic.partitions.size(); at < assignment.size(); ++at) {
        more.assignments->push_back({.broker_ids = assignment[at]});
      }
    }
  }
  OTTLA_TRY(const auto response,
            client.ask_controller<protocol::CreatePartitionsResponse>(request));
  boost::json::array altered;
  for (const auto& result : response.results) {
    if (result.error_code != ErrorCode::None) {
      return refused(result.error_code, result.error_message, result.name);
    }
    altered.emplace_back(result.name);
  }
  if (arguments.has("json")) print_json(console, {{"altered", altered}});
  return {};
}

Result<> delete_topics(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("topic"));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const auto topics, chosen_topics(client, arguments));
  if (topics.empty()) {  // --if-exists
    if (arguments.has("json")) print_json(console, {{"deleted", boost::json::array()}});
    return {};
  }
  protocol::DeleteTopicsRequest request;
  request.timeout_ms = 60000;
  for (const auto& topic : topics) {
    request.topic_names.push_back(topic.name);  // before version 6
    if (client.serves(protocol::ApiKey::DeleteTopics, 6)) {
      request.topics.push_back({.name = topic.name, .topic_id = {}});
    }
  }
  OTTLA_TRY(const auto response, client.ask_controller<protocol::DeleteTopicsResponse>(request));
  boost::json::array deleted;
  for (const auto& topic : response.responses) {
    if (topic.error_code != ErrorCode::None) {
      return refused(topic.error_code, topic.error_message, topic.name.value_or(""));
    }
    deleted.emplace_back(topic.name.value_or(""));
  }
  if (arguments.has("json")) print_json(console, {{"deleted", deleted}});
  return {};
}

Result<> run_topics(const Arguments& arguments, Console& console) {
  constexpr std::array<std::string_view, 5> kActions = {"list", "describe", "create", "alter",
                                                        "delete"};
  OTTLA_TRY(const auto action, arguments.exactly_one_of(kActions));
  if (action == "list") {
    constexpr std::array<std::string_view, 4> kOthers = {"partitions", "replication-factor",
                                                         "replica-assignment", "config"};
    OTTLA_TRY_VOID(arguments.refuse_with(action, kOthers));
    return list_topics(arguments, console);
  }
  if (action == "describe") return describe_topics(arguments, console);
  if (action == "create") return create_topic(arguments, console);
  if (action == "alter") return alter_topics(arguments, console);
  return delete_topics(arguments, console);
}

}  // namespace

const Tool kTopicsTool{.name = "topics",
                       .summary = "create, list, describe, alter and delete topics",
                       .flags = kFlags,
                       .run = run_topics};

}  // namespace ottla::cli
