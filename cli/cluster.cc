// `ottla cluster`: the state of the cluster on one page.
#include <chrono>
#include <optional>
#include <sstream>
#include <string>

#include <boost/json.hpp>

#include "cli/bootstrap_controller.h"
#include "cli/broker_client.h"
#include "cli/cluster_state.h"
#include "cli/may_restart.h"
#include "cli/reassigning.h"
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
    {.name = "config",
     .value = "file",
     .doc = "Kafka's name here of --command-config",
     .other_name_of = "command-config"},
    kBootstrapControllerFlag,
    {.name = "check",
     .doc = "exit with 1 unless there is a controller, and every partition has a leader and all "
            "its replicas in sync"},
    {.name = "broker",
     .value = "id,..",
     .doc = "may-restart: the broker to take down, or those to take down at the same time; exit "
            "code 1 when something speaks against it"},
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
  // Without a controller nobody knows; that it is missing is told anyway, as it is by then.
  const auto reassigning = list_reassigning(client, kReassigningPatience);
  OTTLA_TRY(const auto metadata, client.metadata());
  ClusterState state = state_from_metadata(metadata, reassigning.value_or(AllReassigning{}));
  if (from_zookeeper) add_epochs(state, *from_zookeeper);
  return state;
}

Result<> run_cluster(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(refuse_bootstrap_controller(arguments));
  const auto& words = arguments.words();
  if (!words.empty() && words.front() == "unregister") {
    return fail(ErrorCode::InvalidRequest,
                "unregister: only KRaft keeps brokers that are gone; with ZooKeeper the "
                "registration ends with the broker's session. Its replicas: ottla "
                "reassign-partitions");
  }
  const bool is_asked_for_id = !words.empty() && words.front() == "cluster-id";  // as kafka-cluster
  const bool is_asked_to_restart = !words.empty() && words.front() == "may-restart";
  if (words.size() > 1 || (!words.empty() && !is_asked_for_id && !is_asked_to_restart)) {
    return fail(ErrorCode::InvalidRequest,
                words.back() + ": only cluster-id and may-restart are known (and --cluster-id)");
  }
  if (is_asked_to_restart) return answer_may_restart(arguments, console);
  if (arguments.has("broker")) {
    return fail(ErrorCode::InvalidRequest, "--broker is only for may-restart");
  }
  OTTLA_TRY(const ClusterState state, read_state(arguments));
  if (arguments.has("cluster-id") || is_asked_for_id) {
    if (arguments.has("json")) {
      const boost::json::object id{{"clusterId", state.cluster_id}};
      console.out << boost::json::serialize(id) << '\n';
    } else {
      console.out << "Cluster ID: " << state.cluster_id << '\n';
    }
    return {};
  }
  if (arguments.has("json")) {
    console.out << boost::json::serialize(to_json(state)) << '\n';
  } else {
    std::ostringstream lines;
    print(lines, state);
    print_lines(console.page(), lines.view());
  }
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
                        .words = "[cluster-id | may-restart]",
                        .run = run_cluster};

}  // namespace ottla::cli
