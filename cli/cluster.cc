// `ottla cluster`: the state of the cluster on one page.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/tool.h"
#include "cli/topic_description.h"
#include "common/protocol/messages/describe_cluster.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "cluster-id", .doc = "print only the cluster's id"},
    {.name = "check",
     .doc = "exit with 1 unless there is a controller, and every partition has a leader and all "
            "its replicas in sync"},
};

struct BrokerState {
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;
  std::size_t leaders = 0;
  std::size_t replicas = 0;
  std::size_t in_sync = 0;
};

struct Problem {
  std::string topic;
  PartitionDescription partition;
};

struct ClusterState {
  std::string cluster_id;
  std::int32_t controller = -1;
  std::map<std::int32_t, BrokerState> brokers;
  std::size_t topics = 0;
  std::size_t partitions = 0;
  std::size_t not_on_preferred_leader = 0;
  std::vector<Problem> offline;
  std::vector<Problem> under_replicated;
  /// Brokers that hold replicas and are not there.
  std::map<std::int32_t, std::size_t> missing_brokers;

  [[nodiscard]] bool healthy() const {
    return controller >= 0 && offline.empty() && under_replicated.empty();
  }
};

void add_topic(ClusterState& state, const TopicDescription& topic) {
  ++state.topics;
  for (const auto& partition : topic.partitions) {
    ++state.partitions;
    const bool led = state.brokers.contains(partition.leader);
    if (led) ++state.brokers.at(partition.leader).leaders;
    for (const auto replica : partition.replicas) {
      if (const auto broker = state.brokers.find(replica); broker != state.brokers.end()) {
        ++broker->second.replicas;
        const bool in_sync = std::ranges::find(partition.isr, replica) != partition.isr.end();
        if (in_sync) ++broker->second.in_sync;
      } else {
        ++state.missing_brokers[replica];
      }
    }
    if (!led) {
      state.offline.push_back({topic.name, partition});
    } else if (!partition.replicas.empty() && partition.replicas.front() != partition.leader) {
      ++state.not_on_preferred_leader;
    }
    if (partition.is_under_replicated()) state.under_replicated.push_back({topic.name, partition});
  }
}

Result<ClusterState> read_state(BrokerClient& client) {
  OTTLA_TRY(const auto metadata, client.metadata());
  ClusterState state;
  state.cluster_id = metadata.cluster_id.value_or("");
  state.controller = metadata.controller_id.value();
  for (const auto& broker : metadata.brokers) {
    state.brokers[broker.node_id.value()] = {
        .host = broker.host, .port = broker.port, .rack = broker.rack};
  }
  std::vector<TopicDescription> topics;
  for (const auto& topic : metadata.topics) topics.push_back(describe(topic));
  std::ranges::sort(topics, {}, &TopicDescription::name);
  for (const auto& topic : topics) add_topic(state, topic);
  return state;
}

boost::json::array json_of(const std::vector<Problem>& problems) {
  boost::json::array array;
  for (const auto& [topic, partition] : problems) {
    array.push_back(
        {{"topic", topic},
         {"partition", partition.partition},
         {"leader", partition.leader},
         {"leaderEpoch", partition.leader_epoch},
         {"replicas", boost::json::array(partition.replicas.begin(), partition.replicas.end())},
         {"isr", boost::json::array(partition.isr.begin(), partition.isr.end())}});
  }
  return array;
}

boost::json::object json_of(const ClusterState& state) {
  boost::json::array brokers;
  for (const auto& [id, broker] : state.brokers) {
    boost::json::object object{{"id", id},
                               {"host", broker.host},
                               {"port", broker.port},
                               {"leaders", broker.leaders},
                               {"replicas", broker.replicas},
                               {"inSync", broker.in_sync}};
    object["rack"] = broker.rack ? boost::json::value(*broker.rack) : boost::json::value(nullptr);
    brokers.push_back(std::move(object));
  }
  boost::json::array missing;
  for (const auto& [id, replicas] : state.missing_brokers) {
    missing.push_back({{"id", id}, {"replicas", replicas}});
  }
  return {{"clusterId", state.cluster_id},
          {"controller", state.controller},
          {"healthy", state.healthy()},
          {"brokers", std::move(brokers)},
          {"missingBrokers", std::move(missing)},
          {"topics", state.topics},
          {"partitions", state.partitions},
          {"notOnPreferredLeader", state.not_on_preferred_leader},
          {"offlinePartitions", json_of(state.offline)},
          {"underReplicatedPartitions", json_of(state.under_replicated)}};
}

void print_problems(std::ostream& out, const char* title, const std::vector<Problem>& problems) {
  out << title << ": " << problems.size() << '\n';
  for (const auto& [topic, partition] : problems) {
    TopicDescription named;
    named.name = topic;
    print_partition_line(out, named, partition);
  }
}

void print(std::ostream& out, const ClusterState& state) {
  out << "Cluster: " << state.cluster_id << '\n';
  out << "Controller: " << (state.controller >= 0 ? std::to_string(state.controller) : "none")
      << '\n';
  out << "Brokers: " << state.brokers.size() << '\n';
  for (const auto& [id, broker] : state.brokers) {
    out << "\tBroker: " << id << "\tAddress: " << broker.host << ':' << broker.port
        << "\tRack: " << broker.rack.value_or("none") << "\tLeaders: " << broker.leaders
        << "\tReplicas: " << broker.replicas << "\tInSync: " << broker.in_sync << '\n';
  }
  for (const auto& [id, replicas] : state.missing_brokers) {
    out << "\tBroker: " << id << "\tAddress: none (not registered)\tReplicas: " << replicas << '\n';
  }
  out << "Topics: " << state.topics << "\tPartitions: " << state.partitions
      << "\tNotOnPreferredLeader: " << state.not_on_preferred_leader << '\n';
  print_problems(out, "OfflinePartitions", state.offline);
  print_problems(out, "UnderReplicatedPartitions", state.under_replicated);
}

Result<> run_cluster(const Arguments& arguments, Console& console) {
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const ClusterState state, read_state(client));
  if (arguments.has("cluster-id")) {
    console.out << "Cluster ID: " << state.cluster_id << '\n';
    return {};
  }
  if (arguments.has("json"))
    console.out << boost::json::serialize(json_of(state)) << '\n';
  else
    print(console.out, state);
  if (arguments.has("check") && !state.healthy()) {
    return fail(ErrorCode::UnknownServerError,
                "the cluster is not healthy: " + std::to_string(state.offline.size()) +
                    " partitions offline, " + std::to_string(state.under_replicated.size()) +
                    " under-replicated" + (state.controller < 0 ? ", no controller" : ""));
  }
  return {};
}

}  // namespace

const Tool kClusterTool{.name = "cluster",
                        .summary = "show brokers, controller, and partitions that are not well",
                        .flags = kFlags,
                        .run = run_cluster};

}  // namespace ottla::cli
