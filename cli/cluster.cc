// `ottla cluster`: the state of the cluster on one page.
#include <chrono>
#include <optional>
#include <string>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/cluster_state.h"
#include "cli/tool.h"
#include "cli/zookeeper_reader.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "zookeeper",
     .value = "host:port,../chroot",
     .doc = "ask ZooKeeper, which alone knows the epochs; works when no broker answers"},
    {.name = "timeout", .value = "ms", .doc = "how long to wait for ZooKeeper; 10000"},
    {.name = "cluster-id", .doc = "print only the cluster's id"},
    {.name = "check",
     .doc = "exit with 1 unless there is a controller, and every partition has a leader and all "
            "its replicas in sync"},
};

constexpr std::int64_t kZookeeperTimeoutMs = 10000;

Result<ClusterState> read_state(const Arguments& arguments) {
  std::optional<ClusterState> from_zookeeper;
  if (const auto connect = arguments.value("zookeeper")) {
    OTTLA_TRY(const auto timeout, arguments.number("timeout", 1));
    OTTLA_TRY(from_zookeeper,
              read_from_zookeeper(
                  *connect, std::chrono::milliseconds(timeout.value_or(kZookeeperTimeoutMs))));
    if (!arguments.has("bootstrap-server")) return *std::move(from_zookeeper);
  }
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const auto metadata, client.metadata());
  ClusterState state = state_from_metadata(metadata);
  if (from_zookeeper) add_epochs(state, *from_zookeeper);
  return state;
}

Result<> run_cluster(const Arguments& arguments, Console& console) {
  const bool is_asked_for_id = !arguments.words().empty();  // as kafka-cluster is
  if (is_asked_for_id &&
      (arguments.words().size() > 1 || arguments.words().front() != "cluster-id")) {
    return fail(ErrorCode::InvalidRequest,
                arguments.words().back() + ": only cluster-id is known (and --cluster-id)");
  }
  OTTLA_TRY(const ClusterState state, read_state(arguments));
  if (arguments.has("cluster-id") || is_asked_for_id) {
    console.out << "Cluster ID: " << state.cluster_id << '\n';
    return {};
  }
  if (arguments.has("json"))
    console.out << boost::json::serialize(to_json(state)) << '\n';
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
                        .words = "[cluster-id]",
                        .run = run_cluster};

}  // namespace ottla::cli
