#include "cli/cluster_facts.h"

#include <charconv>
#include <chrono>
#include <set>

#include "cli/broker_client.h"
#include "cli/cluster_state.h"
#include "cli/reassigning.h"
#include "cli/zookeeper_reader.h"
#include "common/protocol/messages/describe_configs.h"
#include "common/protocol/messages/describe_log_dirs.h"
#include "common/protocol/messages/describe_topic_partitions.h"

namespace ottla::cli {
namespace {

using protocol::DescribeHealthRequest;
using protocol::DescribeHealthResponse;

constexpr std::int64_t kPatienceMs = 3000;
constexpr std::int8_t kTopicResource = 2;

std::optional<std::int64_t> known_ms(std::int64_t told) {
  return told < 0 ? std::nullopt : std::optional(told);
}

/// Adds what one round of questions brings to the facts.
class Gatherer {
 public:
  Gatherer(BrokerClient& client, ClusterFacts& facts) : client_(client), facts_(facts) {}

  Result<> read_metadata(const WantedPartition& wanted) {
    OTTLA_TRY(auto metadata, client_.metadata());
    facts_.any_broker_answers = true;
    // The controller's word is the newest, if it can be had.
    protocol::MetadataRequest again;
    again.topics.reset();
    again.allow_auto_topic_creation = false;
    if (metadata.controller_id != kNoBroker) {
      auto newer = client_.ask<protocol::MetadataResponse>(metadata.controller_id, again);
      if (newer) metadata = *std::move(newer);
    }
    facts_.controller = metadata.controller_id;
    for (const auto& broker : metadata.brokers) {
      BrokerFacts& known = facts_.brokers[broker.node_id];
      known.in_metadata = true;
      known.address = broker.host + ":" + std::to_string(broker.port);
    }
    for (const auto& topic : metadata.topics) {
      for (const auto& partition : topic.partitions) {
        const TopicPartition name{topic.name.value_or(""), partition.partition_index};
        if (wanted(name, partition.replica_nodes)) add(name, partition);
      }
    }
    return {};
  }

  void ask_brokers() {
    DescribeHealthRequest health;
    for (const auto& [name, partition] : facts_.partitions) {
      if (health.topics.empty() || health.topics.back().name != name.topic) {
        health.topics.emplace_back().name = name.topic;
      }
      health.topics.back().partitions.push_back(name.partition);
    }
    for (auto& [id, broker] : facts_.brokers) {
      if (broker.in_metadata) ask_broker(id, broker, health);
    }
  }

  /// What is told best-effort: an answer that cannot be had leaves the fact unknown.
  void read_reassignments() {
    const auto all = list_reassigning(client_, kReassigningPatience);
    if (!all) return;
    for (const auto& [name, moving] : *all) {
      const auto found = facts_.partitions.find(name);
      if (found == facts_.partitions.end()) continue;
      found->second.adding = moving.adding;
      found->second.removing = moving.removing;
    }
  }

  /// Where the controller has not told: of Apache Kafka, or without a controller.
  void read_configs() {
    std::set<std::string> topics;
    for (const auto& [name, partition] : facts_.partitions) {
      if (!partition.min_insync_replicas) topics.insert(name.topic);
    }
    if (topics.empty()) return;
    protocol::DescribeConfigsRequest request;
    for (const std::string& topic : topics) {
      request.resources.push_back(
          {.resource_type = kTopicResource,
           .resource_name = topic,
           .configuration_keys = {{"min.insync.replicas", "unclean.leader.election.enable"}}});
    }
    const auto response = client_.ask<protocol::DescribeConfigsResponse>(request);
    if (!response) return;
    for (const auto& result : response->results) {
      for (const auto& config : result.configs) {
        add_config(result.resource_name, config.name, config.value.value_or(""));
      }
    }
  }

  void read_eligible_leaders() {
    std::set<std::string> topics;
    for (const auto& [name, partition] : facts_.partitions) {
      if (!partition.decision) topics.insert(name.topic);
    }
    if (topics.empty() || !client_.serves(protocol::ApiKey::DescribeTopicPartitions)) return;
    protocol::DescribeTopicPartitionsRequest request;
    for (const std::string& topic : topics) request.topics.push_back({.name = topic});
    const auto response = client_.ask<protocol::DescribeTopicPartitionsResponse>(request);
    if (!response) return;
    for (const auto& topic : response->topics) {
      for (const auto& partition : topic.partitions) {
        const auto found =
            facts_.partitions.find({topic.name.value_or(""), partition.partition_index});
        if (found == facts_.partitions.end() || !partition.eligible_leader_replicas) continue;
        found->second.eligible_leaders = *partition.eligible_leader_replicas;
      }
    }
  }

 private:
  void add(const TopicPartition& name, const protocol::MetadataResponse::Topic::Partition& told) {
    PartitionFacts& partition = facts_.partitions[name];
    partition.name = name;
    partition.leader = told.leader_id;
    partition.leader_epoch = told.leader_epoch;
    partition.replicas = told.replica_nodes;
    partition.isr = told.isr_nodes;
    for (const BrokerId replica : told.replica_nodes) facts_.brokers.try_emplace(replica);
  }

  void ask_broker(BrokerId id, BrokerFacts& broker, const DescribeHealthRequest& health) {
    const auto dirs = client_.ask<protocol::DescribeLogDirsResponse>(
        id, protocol::DescribeLogDirsRequest{.topics = {}});
    if (!dirs) {
      const ErrorCode error = dirs.error().code();
      broker.contact = error == ErrorCode::RequestTimedOut ? Contact::Silent : Contact::Unreachable;
      broker.contact_error = dirs.error().describe();
      return;
    }
    broker.contact = Contact::Answers;
    for (const auto& directory : dirs->results) {
      if (directory.error_code != ErrorCode::None) {
        broker.failed_log_dirs.push_back(directory.log_dir);
      }
    }
    auto told = client_.ask<DescribeHealthResponse>(id, health);
    if (!told || told->error_code != ErrorCode::None) return;
    facts_.tells_health = true;
    broker.zookeeper_connected = told->zookeeper_connected;
    broker.zookeeper_ms = known_ms(told->zookeeper_since_ms);
    for (auto& partition : told->partitions) {
      PartitionFacts& known = facts_.partitions[{partition.topic, partition.partition}];
      if (partition.replica) known.told[id] = *std::move(partition.replica);
      if (told->is_controller && partition.decision) take(known, *std::move(partition.decision));
    }
    if (told->is_controller) take_controller(id, *told);
  }

  void take_controller(BrokerId id, const DescribeHealthResponse& told) {
    facts_.controller = id;
    facts_.controller_epoch = told.controller_epoch;
    for (const auto& broker : told.brokers) {
      BrokerFacts& known = facts_.brokers[broker.broker_id];
      known.presence = static_cast<controller::BrokerPresence>(broker.presence);
      known.presence_ms = known_ms(broker.since_ms);
      known.registered = *known.presence != controller::BrokerPresence::Unregistered;
      known.shutting_down = broker.shutting_down;
      known.command_failed = broker.command_failed;
    }
  }

  static void take(PartitionFacts& partition, DecisionTold decision) {
    partition.leader = decision.leader;
    partition.leader_epoch = decision.leader_epoch;
    partition.isr = decision.isr;
    partition.replicas = decision.assignment;
    partition.eligible_leaders = decision.eligible_leaders;
    partition.adding = decision.adding;
    partition.removing = decision.removing;
    partition.unclean_leader_election = decision.unclean_leader_election;
    partition.min_insync_replicas = decision.min_insync_replicas;
    partition.decision = std::move(decision);
  }

  void add_config(const std::string& topic, const std::string& name, const std::string& value) {
    for (auto& [partition, facts] : facts_.partitions) {
      if (partition.topic != topic) continue;
      if (name == "min.insync.replicas") {
        std::int32_t number = 1;
        (void)std::from_chars(value.data(), value.data() + value.size(), number);  // else 1
        facts.min_insync_replicas = number;
      } else if (name == "unclean.leader.election.enable") {
        facts.unclean_leader_election = value == "true";
      }
    }
  }

  BrokerClient& client_;
  ClusterFacts& facts_;
};

void add_registrations(ClusterFacts& facts, const ClusterState& zookeeper) {
  for (auto& [id, broker] : facts.brokers) broker.registered = false;
  for (const auto& [id, broker] : zookeeper.brokers) {
    BrokerFacts& known = facts.brokers[BrokerId(id)];
    known.registered = broker.registered();
    if (known.address.empty()) known.address = broker.address;
  }
  if (facts.controller == kNoBroker) facts.controller = BrokerId(zookeeper.controller);
  const auto to_ids = [](const std::vector<std::int32_t>& numbers) {
    std::vector<BrokerId> ids;
    for (const std::int32_t number : numbers) ids.emplace_back(number);
    return ids;
  };
  if (facts.any_broker_answers) return;
  for (const auto* const problems : {&zookeeper.offline, &zookeeper.under_replicated}) {
    for (const PartitionProblem& problem : *problems) {
      PartitionFacts& partition = facts.partitions[{problem.topic, problem.partition.partition}];
      partition.name = {problem.topic, problem.partition.partition};
      partition.leader = BrokerId(problem.partition.leader);
      partition.leader_epoch = LeaderEpoch(problem.partition.leader_epoch);
      partition.replicas = to_ids(problem.partition.replicas);
      partition.isr = to_ids(problem.partition.isr);
    }
  }
}

}  // namespace

Result<ClusterFacts> gather_facts(const Arguments& arguments, const WantedPartition& wanted) {
  ClusterFacts facts;
  OTTLA_TRY(const auto timeout, arguments.number("timeout", 1));
  const std::chrono::milliseconds patience(timeout.value_or(kPatienceMs));
  if (arguments.has("bootstrap-server") || !arguments.has("zookeeper")) {
    auto client = BrokerClient::connect(arguments, patience);
    if (!client && !arguments.has("zookeeper")) return fail(std::move(client).error());
    if (client) {
      Gatherer gatherer(*client, facts);
      OTTLA_TRY_VOID(gatherer.read_metadata(wanted));
      gatherer.ask_brokers();
      gatherer.read_reassignments();
      gatherer.read_configs();
      gatherer.read_eligible_leaders();
    }
  }
  if (const auto connect = arguments.value("zookeeper")) {
    auto state = read_from_zookeeper(*connect, patience);
    if (!state && !facts.any_broker_answers) return fail(std::move(state).error());
    if (state) add_registrations(facts, *state);
  }
  return facts;
}

}  // namespace ottla::cli
