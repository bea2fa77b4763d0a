// `ottla configs`: what kafka-configs does.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/bootstrap_controller.h"
#include "cli/broker_client.h"
#include "cli/config_client.h"
#include "cli/config_flags.h"
#include "cli/tool.h"
#include "common/config/properties.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "describe", .doc = "show configs: those that were set, or --all"},
    {.name = "alter", .doc = "change configs"},
    {.name = "all", .doc = "describe: also what comes from files and defaults"},
    {.name = "entity-type",
     .value = "topics|brokers|broker-loggers",
     .doc = "what the configs belong to",
     .repeated = true},
    {.name = "entity-name", .value = "name", .doc = "a topic, or a broker's id", .repeated = true},
    {.name = "entity-default", .doc = "brokers: the default of all brokers"},
    {.name = "topic", .value = "name", .doc = "the topic (for --entity-type and --entity-name)"},
    {.name = "broker", .value = "id", .doc = "the broker (for --entity-type and --entity-name)"},
    {.name = "broker-defaults", .doc = "the default of all brokers"},
    {.name = "broker-logger", .value = "id", .doc = "the log level of a broker"},
    {.name = "client", .value = "id", .doc = "not yet: needs quotas"},
    {.name = "client-defaults", .doc = "not yet: needs quotas"},
    {.name = "user", .value = "name", .doc = "not yet: needs quotas"},
    {.name = "user-defaults", .doc = "not yet: needs quotas"},
    {.name = "ip", .value = "address", .doc = "not yet: needs quotas"},
    {.name = "ip-defaults", .doc = "not yet: needs quotas"},
    {.name = "add-config",
     .value = "k=v,k=[a,b]",
     .doc = "alter: values to set; brackets hold a value with commas together"},
    {.name = "add-config-file", .value = "file", .doc = "alter: values to set, as .properties"},
    {.name = "delete-config", .value = "k,k", .doc = "alter: values to remove"},
    {.name = "zookeeper",
     .value = "host:port,../chroot",
     .doc = "refused: configs go through the brokers"},
    {.name = "zk-tls-config-file", .value = "file", .doc = "refused, as --zookeeper is"},
    kBootstrapControllerFlag,
    {.name = "force", .doc = "accepted: this tool never asks"},
};

struct Entity {
  ConfigResource resource;
  std::string type;  ///< "topic", "broker", "broker-logger": as Kafka's tool names it.

  [[nodiscard]] bool is_default() const {
    return resource.type == ConfigType::Broker && resource.name.empty();
  }
  /// Where a value comes from that was set for this entity itself.
  [[nodiscard]] config::Source own_source() const {
    if (resource.type == ConfigType::Topic) return config::Source::DynamicTopic;
    if (resource.type == ConfigType::BrokerLogger) return config::Source::DynamicBrokerLogger;
    return is_default() ? config::Source::DynamicDefaultBroker : config::Source::DynamicBroker;
  }
};

Entity topic_entity(std::string name) {
  return {{ConfigType::Topic, std::move(name)}, "topic"};
}
Entity broker_entity(std::string id) {
  return {{ConfigType::Broker, std::move(id)}, "broker"};
}
Entity logger_entity(std::string id) {
  return {{ConfigType::BrokerLogger, std::move(id)}, "broker-logger"};
}

/// What --entity-type, --entity-name and their short forms name. Empty with a type: all of it.
struct Choice {
  std::string type;  ///< "topics", "brokers", "broker-loggers"
  std::optional<Entity> entity;
};

Result<Choice> choice_of(const Arguments& arguments) {
  for (const char* name :
       {"client", "client-defaults", "user", "user-defaults", "ip", "ip-defaults"}) {
    if (arguments.has(name)) {
      return fail(ErrorCode::UnsupportedVersion,
                  "--" + std::string(name) + ": brokers of Ottla have no client quotas yet");
    }
  }
  if (const auto topic = arguments.value("topic")) return Choice{"topics", topic_entity(*topic)};
  if (const auto broker = arguments.value("broker")) {
    return Choice{"brokers", broker_entity(*broker)};
  }
  if (arguments.has("broker-defaults")) return Choice{"brokers", broker_entity("")};
  if (const auto logger = arguments.value("broker-logger")) {
    return Choice{"broker-loggers", logger_entity(*logger)};
  }
  const auto types = arguments.values("entity-type");
  if (types.empty()) {
    return fail(ErrorCode::InvalidRequest, "At least one entity type must be specified");
  }
  if (types.size() > 1) {
    return fail(ErrorCode::InvalidRequest, "--entity-type: users and clients are not possible yet");
  }
  const auto names = arguments.values("entity-name");
  if (names.size() > 1) return fail(ErrorCode::InvalidRequest, "--entity-name is there twice");
  Choice choice{types.front(), std::nullopt};
  if (choice.type == "topics") {
    if (!names.empty()) choice.entity = topic_entity(names.front());
  } else if (choice.type == "brokers") {
    if (!names.empty()) choice.entity = broker_entity(names.front());
    if (names.empty() && arguments.has("entity-default")) choice.entity = broker_entity("");
  } else if (choice.type == "broker-loggers") {
    if (names.empty()) {
      return fail(ErrorCode::InvalidRequest,
                  "An entity name must be specified with --entity-type broker-loggers");
    }
    choice.entity = logger_entity(names.front());
  } else if (choice.type == "clients" || choice.type == "users" || choice.type == "ips") {
    return fail(ErrorCode::UnsupportedVersion,
                "--entity-type " + choice.type + ": brokers of Ottla have no client quotas yet");
  } else {
    return fail(ErrorCode::InvalidRequest,
                "Invalid entity type " + choice.type +
                    ", the entity type must be one of topics, brokers, broker-loggers");
  }
  return choice;
}

std::vector<Entity> entities_of(const Choice& choice, const protocol::MetadataResponse& metadata) {
  if (choice.entity) return {*choice.entity};
  std::vector<Entity> entities;
  if (choice.type == "topics") {
    std::set<std::string> names;
    for (const auto& topic : metadata.topics) names.insert(topic.name.value_or(""));
    for (const std::string& name : names) entities.push_back(topic_entity(name));
    return entities;
  }
  std::set<BrokerId> ids;
  for (const auto& broker : metadata.brokers) ids.insert(broker.node_id);
  for (const BrokerId id : ids) entities.push_back(broker_entity(std::to_string(id.value())));
  entities.push_back(broker_entity(""));
  return entities;
}

std::string text_of(const std::optional<std::string>& value) {
  return value.value_or("null");
}

std::string line_of(const config::Entry& entry) {
  std::string synonyms;
  for (const config::Synonym& synonym : entry.synonyms) {
    synonyms += (synonyms.empty() ? "" : ", ") + std::string(name_of(synonym.source)) + ":" +
                synonym.name + "=" + text_of(synonym.value);
  }
  return "  " + entry.name + "=" + text_of(entry.value) +
         " sensitive=" + (entry.sensitive ? "true" : "false") + " synonyms={" + synonyms + "}";
}

json::value json_of(const std::optional<std::string>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::object json_of(const config::Entry& entry) {
  json::object row;
  row["name"] = entry.name;
  row["value"] = json_of(entry.value);
  row["source"] = std::string(name_of(entry.source));
  row["readOnly"] = entry.read_only;
  row["sensitive"] = entry.sensitive;
  json::array synonyms;
  for (const config::Synonym& synonym : entry.synonyms) {
    json::object each;
    each["name"] = synonym.name;
    each["value"] = json_of(synonym.value);
    each["source"] = std::string(name_of(synonym.source));
    synonyms.push_back(std::move(each));
  }
  row["synonyms"] = std::move(synonyms);
  return row;
}

std::string headline(const Entity& entity, bool all) {
  if (entity.is_default()) return "Default configs for brokers in the cluster are:";
  return (all ? "All" : "Dynamic") + std::string(" configs for ") + entity.type + " " +
         entity.resource.name + " are:";
}

Result<> describe(const Choice& choice, bool all, bool is_json, BrokerClient& client,
                  const protocol::MetadataResponse& metadata, Console& console) {
  const auto entities = entities_of(choice, metadata);
  json::array rows;
  for (const Entity& entity : entities) {
    OTTLA_TRY(auto entries, describe_config(client, entity.resource));
    if (!all) {
      std::erase_if(entries,
                    [&](const auto& entry) { return entry.source != entity.own_source(); });
    }
    if (!is_json) {
      console.out << headline(entity, all) << '\n';
      for (const config::Entry& entry : entries) console.out << line_of(entry) << '\n';
      continue;
    }
    json::object row;
    row["type"] = entity.type;
    row["name"] = entity.is_default() ? json::value(nullptr) : json::value(entity.resource.name);
    json::array configs;
    for (const config::Entry& entry : entries) configs.push_back(json_of(entry));
    row["configs"] = std::move(configs);
    rows.push_back(std::move(row));
  }
  if (is_json) console.out << json::serialize(rows) << '\n';
  return {};
}

/// What --add-config, --add-config-file and --delete-config ask for.
Result<std::vector<ConfigEdit>> edits_of(const Arguments& arguments) {
  config::Properties added;
  if (const auto file = arguments.value("add-config-file")) {
    if (arguments.has("add-config")) {
      return fail(ErrorCode::InvalidRequest,
                  "Only one of --add-config and --add-config-file can be given");
    }
    OTTLA_TRY(added, config::read_properties(*file));
  }
  if (const auto text = arguments.value("add-config")) {
    OTTLA_TRY(added, parse_added_configs(*text));
  }
  const auto deleted = split_names(arguments.value_or("delete-config", ""));
  if (added.empty() && deleted.empty()) {
    return fail(ErrorCode::InvalidRequest,
                "At least one of --add-config, --add-config-file, or --delete-config must be "
                "specified with --alter");
  }
  std::vector<ConfigEdit> edits;
  for (const auto& [name, value] : added) edits.push_back({name, value});
  for (const std::string& name : deleted) {
    if (added.contains(name)) {
      return fail(ErrorCode::InvalidRequest, name + " is to be both added and deleted");
    }
    edits.push_back({name, std::nullopt});
  }
  return edits;
}

/// Kafka's tool refuses to delete what is not set, which catches misspelled names.
Result<> check_deletions(const std::vector<ConfigEdit>& edits, const Entity& entity,
                         BrokerClient& client) {
  OTTLA_TRY(const auto entries, describe_config(client, entity.resource));
  std::string invalid;
  for (const ConfigEdit& edit : edits) {
    if (edit.value) continue;
    const bool is_set = std::ranges::any_of(entries, [&](const config::Entry& entry) {
      return entry.name == edit.name &&
             std::ranges::any_of(entry.synonyms, [&](const config::Synonym& synonym) {
               return synonym.source == entity.own_source();
             });
    });
    if (!is_set && entity.resource.type != ConfigType::BrokerLogger) {
      invalid += (invalid.empty() ? "" : ",") + edit.name;
    }
  }
  if (!invalid.empty()) return fail(ErrorCode::InvalidConfig, "Invalid config(s): " + invalid);
  return {};
}

Result<> alter(const Choice& choice, const Arguments& arguments, BrokerClient& client,
               Console& console) {
  if (!choice.entity) {
    return fail(ErrorCode::InvalidRequest,
                "--alter: name one with --entity-name, or --entity-default of brokers");
  }
  const Entity& entity = *choice.entity;
  OTTLA_TRY(const auto edits, edits_of(arguments));
  OTTLA_TRY_VOID(check_deletions(edits, entity, client));
  OTTLA_TRY_VOID(alter_config(client, entity.resource, edits));
  if (arguments.has("json")) {
    json::object row;
    row["type"] = entity.type;
    row["name"] = entity.is_default() ? json::value(nullptr) : json::value(entity.resource.name);
    row["changed"] = edits.size();
    console.out << json::serialize(row) << '\n';
  } else if (entity.is_default()) {
    console.out << "Completed updating default config for brokers in the cluster.\n";
  } else {
    console.out << "Completed updating config for " << entity.type << " " << entity.resource.name
                << ".\n";
  }
  return {};
}

/// Kafka's 3.9 itself writes to ZooKeeper only for brokers that do not run and users of SCRAM.
Result<> check_who_is_asked(const Arguments& arguments) {
  for (const std::string_view flag : {"zookeeper", "zk-tls-config-file"}) {
    if (!arguments.has(flag)) continue;
    return fail(
        ErrorCode::InvalidRequest,
        "--" + std::string(flag) +
            ": configs go through the brokers, which check them: give --bootstrap-server. "
            "Those of a broker that does not run are changed when it does; what it needs to "
            "start belongs into its server.properties");
  }
  return refuse_bootstrap_controller(arguments);
}

Result<> run_configs(const Arguments& arguments, Console& console) {
  constexpr std::array<std::string_view, 2> kActions = {"describe", "alter"};
  OTTLA_TRY_VOID(check_who_is_asked(arguments));
  OTTLA_TRY(const auto action, arguments.exactly_one_of(kActions));
  OTTLA_TRY(const Choice choice, choice_of(arguments));
  if (action == "alter") OTTLA_TRY_VOID(edits_of(arguments));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const auto metadata, client.metadata());
  if (action == "alter") return alter(choice, arguments, client, console);
  return describe(choice, arguments.has("all"), arguments.has("json"), client, metadata, console);
}

}  // namespace

const Tool kConfigsTool{.name = "configs",
                        .summary = "show and change configs of topics and brokers",
                        .flags = kFlags,
                        .run = run_configs};

}  // namespace ottla::cli
