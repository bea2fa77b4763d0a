#include "cli/throttles.h"

#include <algorithm>

namespace ottla::cli {
namespace {

constexpr const char* kLeaderRate = "leader.replication.throttled.rate";
constexpr const char* kFollowerRate = "follower.replication.throttled.rate";
constexpr const char* kLogDirRate = "replica.alter.log.dirs.io.max.bytes.per.second";
constexpr const char* kLeaderReplicas = "leader.replication.throttled.replicas";
constexpr const char* kFollowerReplicas = "follower.replication.throttled.replicas";

Result<> alter_broker(BrokerClient& client, BrokerId broker, const std::vector<ConfigEdit>& edits) {
  return alter_config(client, {ConfigType::Broker, std::to_string(broker.value())}, edits);
}

std::string joined(const std::set<std::string>& elements) {
  std::string text;
  for (const std::string& element : elements) text += (text.empty() ? "" : ",") + element;
  return text;
}

}  // namespace

ReplicaFlow flow_of(const std::vector<BrokerId>& current, const std::vector<BrokerId>& wanted) {
  ReplicaFlow flow;
  flow.sources.insert(current.begin(), current.end());
  for (const BrokerId broker : wanted) {
    if (!flow.sources.contains(broker)) flow.destinations.insert(broker);
  }
  return flow;
}

std::map<std::string, std::vector<ConfigEdit>> topic_throttles(const ReplicaFlows& flows) {
  struct Lists {
    std::set<std::string> leaders;
    std::set<std::string> followers;
  };
  std::map<std::string, Lists> topics;
  for (const auto& [name, flow] : flows) {
    Lists& lists = topics[name.topic];
    const std::string partition = std::to_string(name.partition) + ":";
    for (const BrokerId broker : flow.sources) {
      lists.leaders.insert(partition + std::to_string(broker.value()));
    }
    for (const BrokerId broker : flow.destinations) {
      lists.followers.insert(partition + std::to_string(broker.value()));
    }
  }
  std::map<std::string, std::vector<ConfigEdit>> edits;
  for (const auto& [topic, lists] : topics) {
    edits[topic] = {{kLeaderReplicas, joined(lists.leaders)},
                    {kFollowerReplicas, joined(lists.followers)}};
  }
  return edits;
}

Result<> set_replication_throttle(BrokerClient& client, const ReplicaFlows& flows,
                                  std::int64_t bytes_per_second) {
  // The replicas first: a limit without any does nothing.
  for (const auto& [topic, edits] : topic_throttles(flows)) {
    OTTLA_TRY_VOID(alter_config(client, {ConfigType::Topic, topic}, edits));
  }
  std::set<BrokerId> brokers;
  for (const auto& [name, flow] : flows) {
    brokers.insert(flow.sources.begin(), flow.sources.end());
    brokers.insert(flow.destinations.begin(), flow.destinations.end());
  }
  const std::string rate = std::to_string(bytes_per_second);
  for (const BrokerId broker : brokers) {
    OTTLA_TRY_VOID(alter_broker(client, broker, {{kLeaderRate, rate}, {kFollowerRate, rate}}));
  }
  return {};
}

Result<> set_log_dir_throttle(BrokerClient& client, const std::set<BrokerId>& brokers,
                              std::int64_t bytes_per_second) {
  for (const BrokerId broker : brokers) {
    OTTLA_TRY_VOID(alter_broker(client, broker, {{kLogDirRate, std::to_string(bytes_per_second)}}));
  }
  return {};
}

Result<> clear_throttles(BrokerClient& client, const std::set<BrokerId>& brokers,
                         const std::set<std::string>& topics) {
  // Topics first: without replicas a limit does nothing.
  std::string failures;
  const auto note = [&](const std::string& what, const Result<>& outcome) {
    if (!outcome) failures += "\n" + what + ": " + outcome.error().describe();
  };
  for (const std::string& topic : topics) {
    note("topic " + topic,
         alter_config(client, {ConfigType::Topic, topic},
                      {{kLeaderReplicas, std::nullopt}, {kFollowerReplicas, std::nullopt}}));
  }
  for (const BrokerId broker : brokers) {
    note("broker " + std::to_string(broker.value()), alter_broker(client, broker,
                                                                  {{kLeaderRate, std::nullopt},
                                                                   {kFollowerRate, std::nullopt},
                                                                   {kLogDirRate, std::nullopt}}));
  }
  if (failures.empty()) return {};
  return fail(ErrorCode::RequestTimedOut,
              "limits stay behind; run --verify again when these answer:" + failures);
}

}  // namespace ottla::cli
