// `ottla reassign-partitions`: what kafka-reassign-partitions does.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/progress.h"
#include "cli/reassigning.h"
#include "cli/reassignment_plan.h"
#include "cli/throttles.h"
#include "cli/tool.h"
#include "common/env/random.h"
#include "common/protocol/messages/alter_partition_reassignments.h"
#include "common/protocol/messages/alter_replica_log_dirs.h"
#include "common/protocol/messages/describe_log_dirs.h"
#include "controller/placement.h"

namespace ottla::cli {
namespace {

namespace json = boost::json;

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "generate", .doc = "propose where the replicas of topics could be; changes nothing"},
    {.name = "execute", .doc = "begin the reassignment of --reassignment-json-file"},
    {.name = "verify", .doc = "show how far the reassignment of --reassignment-json-file is"},
    {.name = "cancel", .doc = "give up what --reassignment-json-file began"},
    {.name = "list", .doc = "list the reassignments that are under way"},
    {.name = "reassignment-json-file",
     .value = "file",
     .doc = R"({"version":1,"partitions":[{"topic":"a","partition":0,"replicas":[1,2],)"
            R"("log_dirs":["any","/data"]}]}; log_dirs may be missing)"},
    {.name = "topics-to-move-json-file",
     .value = "file",
     .doc = R"(generate: {"version":1,"topics":[{"topic":"a"}]})"},
    {.name = "broker-list", .value = "1,2,..", .doc = "generate: the brokers to use"},
    {.name = "disable-rack-aware", .doc = "generate: racks do not count"},
    {.name = "additional", .doc = "execute: also while other reassignments are under way"},
    {.name = "throttle",
     .value = "bytes/s",
     .doc = "execute: the most that each broker sends to and takes for replicas that move; with "
            "--additional also for what is under way. --verify removes it at the end"},
    {.name = "replica-alter-log-dirs-throttle",
     .value = "bytes/s",
     .doc = "execute: the most that each broker copies between its log directories"},
    {.name = "preserve-throttles", .doc = "verify, cancel: leave the limits as they are"},
    {.name = "wait",
     .doc =
         "verify: until nothing of --reassignment-json-file is on its way any more; on a terminal "
         "the last line tells how far it is"},
    {.name = "timeout",
     .value = "ms",
     .doc = "execute: how long to wait for log directory moves to begin; 10000"},
};

constexpr std::int64_t kTimeoutMs = 10000;
constexpr std::chrono::milliseconds kMovePause{100};
constexpr std::chrono::milliseconds kWaitPause{500};
/// How long --wait goes on without an answer: the controller moves, brokers are restarted.
constexpr std::chrono::seconds kWaitWithoutAnswer{60};

/// The replicas of all partitions. Partitions that move are shown with old and new ones.
ReassignmentPlan assignment_of(const protocol::MetadataResponse& metadata) {
  ReassignmentPlan plan;
  for (const auto& topic : metadata.topics) {
    for (const auto& partition : topic.partitions) {
      plan[{topic.name.value_or(""), partition.partition_index}] = {
          partition.replica_nodes,
          std::vector<std::string>(partition.replica_nodes.size(), kAnyLogDir)};
    }
  }
  return plan;
}

std::string names(const std::vector<TopicPartition>& partitions) {
  std::string text;
  for (const auto& name : partitions) text += (text.empty() ? "" : ",") + name.to_string();
  return text;
}

const char* plural(std::size_t count) {
  return count == 1 ? "" : "s";
}

json::array to_json(const std::vector<TopicPartition>& partitions) {
  json::array rows;
  for (const auto& name : partitions) {
    json::object row;
    row["topic"] = name.topic;
    row["partition"] = name.partition;
    rows.push_back(std::move(row));
  }
  return rows;
}

json::array to_json(const std::vector<BrokerId>& brokers) {
  json::array ids;
  for (const BrokerId broker : brokers) ids.emplace_back(broker.value());
  return ids;
}

Result<ReassignmentPlan> plan_of(const Arguments& arguments) {
  OTTLA_TRY_VOID(arguments.require("reassignment-json-file"));
  OTTLA_TRY(const std::string text, read_file(*arguments.value("reassignment-json-file")));
  return parse_reassignment_plan(text);
}

// --generate

Result<std::vector<BrokerId>> broker_list(const std::string& text) {
  std::vector<BrokerId> brokers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    std::int32_t id = -1;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + comma, id);
    if (error != std::errc() || end != text.data() + comma || id < 0) {
      return fail(ErrorCode::InvalidRequest, "--broker-list " + text + ": must be broker ids");
    }
    if (std::ranges::find(brokers, BrokerId(id)) != brokers.end()) {
      return fail(ErrorCode::InvalidRequest,
                  "--broker-list " + text + ": " + std::to_string(id) + " is there twice");
    }
    brokers.emplace_back(id);
    at = comma + 1;
  }
  return brokers;
}

Result<std::vector<controller::PlacementBroker>> placement_brokers(
    const std::vector<BrokerId>& wanted, const protocol::MetadataResponse& metadata,
    bool use_racks) {
  std::vector<controller::PlacementBroker> brokers;
  std::size_t with_rack = 0;
  for (const BrokerId id : wanted) {
    const auto known =
        std::ranges::find(metadata.brokers, id, [](const auto& broker) { return broker.node_id; });
    if (known == metadata.brokers.end()) {
      return fail(ErrorCode::BrokerNotAvailable,
                  "--broker-list: broker " + std::to_string(id.value()) + " is not in the cluster");
    }
    brokers.push_back({id, use_racks ? known->rack : std::nullopt});
    if (brokers.back().rack) ++with_rack;
  }
  if (with_rack != 0 && with_rack != brokers.size()) {
    return fail(ErrorCode::InvalidRequest,
                "not all brokers have a rack; --disable-rack-aware leaves racks out of account");
  }
  return brokers;
}

Result<> generate(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("topics-to-move-json-file"));
  OTTLA_TRY_VOID(arguments.require("broker-list"));
  OTTLA_TRY(const std::string text, read_file(*arguments.value("topics-to-move-json-file")));
  OTTLA_TRY(const auto topics, parse_topics_to_move(text));
  OTTLA_TRY(const auto wanted, broker_list(*arguments.value("broker-list")));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const auto metadata, client.metadata());
  OTTLA_TRY(const auto brokers,
            placement_brokers(wanted, metadata, !arguments.has("disable-rack-aware")));
  ReassignmentPlan current = assignment_of(metadata);
  std::erase_if(current, [&](const auto& row) { return !topics.contains(row.first.topic); });
  ReassignmentPlan proposed;
  env::SystemRandom random;
  for (const std::string& topic : topics) {
    const auto first = current.find({topic, 0});
    if (first == current.end()) {
      return fail(ErrorCode::UnknownTopicOrPartition, "topic " + topic + " is not there");
    }
    controller::PlacementRequest request;
    request.replication_factor = static_cast<std::int32_t>(first->second.replicas.size());
    request.partitions = static_cast<std::int32_t>(
        std::ranges::count_if(current, [&](const auto& row) { return row.first.topic == topic; }));
    OTTLA_TRY(const auto placed, controller::place_replicas(brokers, request, random));
    for (std::size_t i = 0; i < placed.size(); ++i) {
      proposed[{topic, static_cast<std::int32_t>(i)}] = {
          placed[i], std::vector<std::string>(placed[i].size(), kAnyLogDir)};
    }
  }
  if (arguments.has("json")) {
    json::object root;
    root["current"] = cli::to_json(current);
    root["proposed"] = cli::to_json(proposed);
    console.out << json::serialize(root) << '\n';
  } else {
    console.out << "Current partition replica assignment\n"
                << json::serialize(cli::to_json(current))
                << "\n\nProposed partition reassignment configuration\n"
                << json::serialize(cli::to_json(proposed)) << '\n';
  }
  return {};
}

// Moves between log directories

/// A replica that is to be in a log directory.
struct ReplicaMove {
  TopicPartition partition;
  BrokerId broker;
  std::string log_dir;

  [[nodiscard]] std::string name() const {
    return partition.to_string() + "-" + std::to_string(broker.value());
  }
};

std::vector<ReplicaMove> moves_of(const ReassignmentPlan& plan) {
  std::vector<ReplicaMove> moves;
  for (const auto& [name, partition] : plan) {
    for (std::size_t i = 0; i < partition.replicas.size(); ++i) {
      if (partition.log_dirs[i] == kAnyLogDir) continue;
      moves.push_back({name, partition.replicas[i], partition.log_dirs[i]});
    }
  }
  return moves;
}

Result<ErrorCode> alter_log_dir(BrokerClient& client, const ReplicaMove& move) {
  protocol::AlterReplicaLogDirsRequest request;
  request.dirs = {
      {.path = move.log_dir,
       .topics = {{.name = move.partition.topic, .partitions = {move.partition.partition}}}}};
  OTTLA_TRY(const auto response,
            client.ask<protocol::AlterReplicaLogDirsResponse>(move.broker, request));
  if (response.results.empty() || response.results.front().partitions.empty()) {
    return fail(ErrorCode::UnknownServerError, "broker " + std::to_string(move.broker.value()) +
                                                   " says nothing of " +
                                                   move.partition.to_string());
  }
  return response.results.front().partitions.front().error_code;
}

/// A broker that has no such replica yet remembers where it is to be, and says that it has none.
bool may_still_come(ErrorCode error) {
  return error == ErrorCode::ReplicaNotAvailable || error == ErrorCode::UnknownTopicOrPartition;
}

/// Asks for the moves; what the brokers do not have yet is asked for again until `timeout` has
/// passed. Gives what began.
Result<std::vector<ReplicaMove>> begin_moves(BrokerClient& client, std::vector<ReplicaMove> moves,
                                             std::chrono::milliseconds timeout, Console& console) {
  Progress progress(console.err, console.err_columns, progress_clock(),
                    "beginning moves between log directories", moves.size());
  std::vector<ReplicaMove> begun;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    std::vector<ReplicaMove> left;
    for (const ReplicaMove& move : moves) {
      OTTLA_TRY(const ErrorCode error, alter_log_dir(client, move));
      if (error == ErrorCode::None) {
        begun.push_back(move);
      } else if (may_still_come(error)) {
        left.push_back(move);
      } else {
        return fail(error, "replica " + move.name() + " to " + move.log_dir + ": " +
                               std::string(text_of(error)) + " (" + std::string(name_of(error)) +
                               ")");
      }
    }
    moves = std::move(left);
    progress.at(begun.size());
    if (moves.empty() || std::chrono::steady_clock::now() >= deadline) return begun;
    std::this_thread::sleep_for(kMovePause);
  }
}

// Limits

/// What moves by the plan, and what is under way already.
ReplicaFlows flows_of(const ReassignmentPlan& plan, const ReassignmentPlan& current,
                      const AllReassigning& under_way) {
  ReplicaFlows flows;
  for (const auto& [name, one] : under_way) {
    std::vector<BrokerId> before = one.replicas;
    std::erase_if(before, [&](BrokerId broker) {
      return std::ranges::find(one.adding, broker) != one.adding.end();
    });
    flows[name] = flow_of(before, one.adding);
  }
  for (const auto& [name, partition] : plan) {
    const auto moving = flows.find(name);
    if (moving == flows.end()) {
      flows[name] = flow_of(current.at(name).replicas, partition.replicas);
      continue;
    }
    for (const BrokerId broker : partition.replicas) {
      if (!moving->second.sources.contains(broker)) moving->second.destinations.insert(broker);
    }
  }
  return flows;
}

/// --throttle and --replica-alter-log-dirs-throttle, before anything moves.
Result<> set_throttles(const Arguments& arguments, const ReassignmentPlan& plan,
                       const ReassignmentPlan& current, const AllReassigning& under_way,
                       BrokerClient& client, Console& console) {
  OTTLA_TRY(const auto rate, arguments.number("throttle", 0));
  OTTLA_TRY(const auto log_dir_rate, arguments.number("replica-alter-log-dirs-throttle", 0));
  if (!rate && !log_dir_rate) return {};
  const bool is_json = arguments.has("json");
  if (!is_json) {
    console.out << "Warning: You must run --verify periodically, until the reassignment completes, "
                   "to ensure the throttle is removed.\n";
  }
  if (rate) {
    OTTLA_TRY_VOID(set_replication_throttle(client, flows_of(plan, current, under_way), *rate));
    if (!is_json) {
      console.out << "The inter-broker throttle limit was set to " << *rate << " B/s\n";
    }
  }
  if (log_dir_rate) {
    std::set<BrokerId> brokers;
    for (const ReplicaMove& move : moves_of(plan)) brokers.insert(move.broker);
    OTTLA_TRY_VOID(set_log_dir_throttle(client, brokers, *log_dir_rate));
    if (!is_json) {
      console.out << "The replica-alter-dir throttle limit was set to " << *log_dir_rate
                  << " B/s\n";
    }
  }
  return {};
}

/// At the end of a reassignment, of all live brokers and of the topics of the plan.
Result<> remove_throttles(const Arguments& arguments, const ReassignmentPlan& plan,
                          const protocol::MetadataResponse& metadata, BrokerClient& client,
                          Console& console) {
  std::set<BrokerId> live;
  for (const auto& broker : metadata.brokers) live.insert(broker.node_id);
  std::set<std::string> topics;
  for (const auto& topic : metadata.topics) {
    const std::string name = topic.name.value_or("");
    const bool is_planned =
        std::ranges::any_of(plan, [&](const auto& row) { return row.first.topic == name; });
    if (is_planned) topics.insert(name);
  }
  for (const auto& [name, partition] : plan) {
    for (const BrokerId broker : partition.replicas) {
      if (live.contains(broker)) continue;
      console.err << "broker " << broker << " does not live: a limit that it has stays until "
                  << "--verify is run again\n";
    }
  }
  if (!arguments.has("json")) {
    std::string names;
    for (const std::string& topic : topics) names += (names.empty() ? "" : ",") + topic;
    console.out << "Clearing broker-level throttles on broker" << plural(live.size()) << ' '
                << joined(std::vector<BrokerId>(live.begin(), live.end()))
                << "\nClearing topic-level throttles on topic" << plural(topics.size()) << ' '
                << names << '\n';
  }
  return clear_throttles(client, live, topics);
}

// --execute

Result<> check_brokers(const ReassignmentPlan& plan, const protocol::MetadataResponse& metadata) {
  for (const auto& [name, partition] : plan) {
    for (const BrokerId broker : partition.replicas) {
      const bool is_known = std::ranges::any_of(
          metadata.brokers, [&](const auto& known) { return known.node_id == broker; });
      if (!is_known) {
        return fail(ErrorCode::BrokerNotAvailable,
                    name.to_string() + ": unknown broker id " + std::to_string(broker.value()));
      }
    }
  }
  return {};
}

using Replicas = std::optional<std::vector<BrokerId>>;  ///< None: cancel.

/// Errors: the first that a broker gave, with a line for each partition that was refused.
Result<> alter_reassignments(BrokerClient& client, const std::map<TopicPartition, Replicas>& all,
                             const std::string& what) {
  protocol::AlterPartitionReassignmentsRequest request;
  for (const auto& [name, replicas] : all) {
    if (request.topics.empty() || request.topics.back().name != name.topic) {
      request.topics.push_back({.name = name.topic, .partitions = {}});
    }
    request.topics.back().partitions.push_back(
        {.partition_index = name.partition, .replicas = replicas});
  }
  OTTLA_TRY(const auto response,
            client.ask_controller<protocol::AlterPartitionReassignmentsResponse>(request));
  if (response.error_code != ErrorCode::None) {
    return fail(response.error_code, response.error_message.value_or(""));
  }
  ErrorCode first = ErrorCode::None;
  std::string reasons;
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partitions) {
      const ErrorCode error = partition.error_code;
      if (error == ErrorCode::None) continue;
      if (first == ErrorCode::None) first = error;
      const bool is_told = partition.error_message && !partition.error_message->empty();
      reasons += "\n" + TopicPartition{topic.name, partition.partition_index}.to_string() + ": " +
                 (is_told ? *partition.error_message : std::string(text_of(error))) + " (" +
                 std::string(name_of(error)) + ")";
    }
  }
  if (first != ErrorCode::None) return fail(first, "Error " + what + " partition(s):" + reasons);
  return {};
}

Result<ReassignmentPlan> current_of(const ReassignmentPlan& plan,
                                    const protocol::MetadataResponse& metadata) {
  ReassignmentPlan current = assignment_of(metadata);
  for (const auto& [name, partition] : plan) {
    if (!current.contains(name)) {
      return fail(ErrorCode::UnknownTopicOrPartition,
                  "partition " + name.to_string() + " is not there");
    }
  }
  std::erase_if(current, [&](const auto& row) { return !plan.contains(row.first); });
  return current;
}

Result<> execute(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const auto timeout, arguments.number("timeout", 0));
  OTTLA_TRY(const ReassignmentPlan plan, plan_of(arguments));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const auto metadata, client.metadata());
  OTTLA_TRY_VOID(check_brokers(plan, metadata));
  OTTLA_TRY(const AllReassigning under_way, list_reassigning(client));
  if (!under_way.empty() && !arguments.has("additional")) {
    return fail(ErrorCode::ReassignmentInProgress,
                "reassignments are under way (--list shows them); --additional begins this one "
                "beside them");
  }
  OTTLA_TRY(const ReassignmentPlan current, current_of(plan, metadata));
  const bool is_json = arguments.has("json");
  if (!is_json) {
    console.out << "Current partition replica assignment\n\n"
                << json::serialize(cli::to_json(current))
                << "\n\nSave this to use as the --reassignment-json-file option during rollback\n";
  }
  OTTLA_TRY_VOID(set_throttles(arguments, plan, current, under_way, client, console));
  const auto moves = moves_of(plan);
  for (const ReplicaMove& move : moves) {
    // So that a replica that is not there yet is made in the right place.
    OTTLA_TRY(const ErrorCode error, alter_log_dir(client, move));
    if (error != ErrorCode::None && !may_still_come(error)) {
      return fail(error, "replica " + move.name() + " to " + move.log_dir + ": " +
                             std::string(text_of(error)) + " (" + std::string(name_of(error)) +
                             ")");
    }
  }
  std::map<TopicPartition, Replicas> wanted;
  std::vector<TopicPartition> started;
  for (const auto& [name, partition] : plan) {
    wanted[name] = partition.replicas;
    started.push_back(name);
  }
  OTTLA_TRY_VOID(alter_reassignments(client, wanted, "reassigning"));
  if (!is_json) {
    console.out << "Successfully started partition reassignment" << plural(started.size())
                << " for " << names(started) << '\n';
  }
  OTTLA_TRY(
      const auto begun,
      begin_moves(client, moves, std::chrono::milliseconds(timeout.value_or(kTimeoutMs)), console));
  std::string moved;
  for (const ReplicaMove& move : begun) moved += (moved.empty() ? "" : ",") + move.name();
  if (is_json) {
    json::object root;
    root["current"] = cli::to_json(current);
    root["started"] = to_json(started);
    root["logDirMoves"] = begun.size();
    console.out << json::serialize(root) << '\n';
  } else if (!begun.empty()) {
    console.out << "Successfully started log directory move" << plural(begun.size())
                << " for: " << moved << '\n';
  }
  if (begun.size() < moves.size()) {
    return fail(ErrorCode::RequestTimedOut,
                std::to_string(moves.size() - begun.size()) +
                    " log directory move(s) have not begun: the brokers have no such replicas yet; "
                    "they make them in the log directories that were asked for");
  }
  return {};
}

// --verify

/// What became of one partition: a word for programs, and Kafka's line.
struct State {
  std::string word;
  std::string line;
};

State state_of(const TopicPartition& name, const std::vector<BrokerId>& wanted,
               const ReassignmentPlan& current, const AllReassigning& under_way) {
  const auto moving = under_way.find(name);
  if (moving != under_way.end()) {
    if (moving->second.target() == wanted) {
      return {"inProgress",
              "Reassignment of partition " + name.to_string() + " is still in progress."};
    }
  }
  const auto found = current.find(name);
  const auto there = moving != under_way.end() ? moving->second.target()
                     : found != current.end()  ? found->second.replicas
                                               : std::vector<BrokerId>();
  if (there == wanted) {
    return {"completed", "Reassignment of partition " + name.to_string() + " is completed."};
  }
  return {"otherReplicas", "There is no active reassignment of partition " + name.to_string() +
                               ", but replica set is " + joined(there) + " rather than " +
                               joined(wanted) + "."};
}

/// Where a replica is and, if it moves, goes to; empty: nowhere.
Result<std::pair<std::string, std::string>> places_of(BrokerClient& client,
                                                      const ReplicaMove& move) {
  protocol::DescribeLogDirsRequest request;
  request.topics = {{.topic = move.partition.topic, .partitions = {move.partition.partition}}};
  OTTLA_TRY(const auto response,
            client.ask<protocol::DescribeLogDirsResponse>(move.broker, request));
  if (response.error_code != ErrorCode::None) return fail(response.error_code);
  std::pair<std::string, std::string> places;
  for (const auto& directory : response.results) {
    for (const auto& topic : directory.topics) {
      for (const auto& partition : topic.partitions) {
        if (topic.name != move.partition.topic ||
            partition.partition_index != move.partition.partition) {
          continue;
        }
        (partition.is_future_key ? places.second : places.first) = directory.log_dir;
      }
    }
  }
  return places;
}

Result<State> state_of(BrokerClient& client, const ReplicaMove& move) {
  OTTLA_TRY(const auto places, places_of(client, move));
  const auto& [here, going] = places;
  const std::string partition = "Partition " + move.partition.to_string();
  const std::string broker = " on broker " + std::to_string(move.broker.value());
  if (going == move.log_dir) {
    return State{"inProgress", "Reassignment of replica " + move.name() + " is still in progress."};
  }
  if (!going.empty()) {
    return State{"otherLogDir", partition + broker + " is being moved to log dir " + going +
                                    " instead of " + move.log_dir + "."};
  }
  if (here == move.log_dir) {
    return State{"completed",
                 "Reassignment of replica " + move.name() + " completed successfully."};
  }
  if (here.empty()) {
    return State{"missing", partition + " is not found in any live log dir" + broker +
                                ". There is likely an offline log directory on the broker."};
  }
  return State{"otherLogDir", partition + broker + " is not being moved from log dir " + here +
                                  " to " + move.log_dir + "."};
}

/// Partitions and replicas of the plan that are still on their way to where it wants them.
Result<std::size_t> count_moving(BrokerClient& client, const ReassignmentPlan& plan,
                                 const std::vector<ReplicaMove>& moves) {
  OTTLA_TRY(const AllReassigning under_way, list_reassigning(client));
  std::size_t count = 0;
  for (const auto& [name, moving] : under_way) {
    const auto wanted = plan.find(name);
    if (wanted != plan.end() && moving.target() == wanted->second.replicas) ++count;
  }
  for (const ReplicaMove& move : moves) {
    OTTLA_TRY(const auto places, places_of(client, move));
    if (places.second == move.log_dir) ++count;
  }
  return count;
}

Result<> wait_for_end(BrokerClient& client, const ReassignmentPlan& plan, Console& console) {
  using Clock = std::chrono::steady_clock;
  const auto moves = moves_of(plan);
  const std::size_t total = plan.size() + moves.size();
  Progress progress(console.err, console.err_columns, progress_clock(), "moving replicas", total);
  auto give_up_at = Clock::now() + kWaitWithoutAnswer;
  while (true) {
    auto left = count_moving(client, plan, moves);
    if (left) {
      progress.at(total - *left);
      if (*left == 0) return {};
      give_up_at = Clock::now() + kWaitWithoutAnswer;
    } else if (Clock::now() >= give_up_at) {
      return fail(std::move(left).error());
    }
    std::this_thread::sleep_for(kWaitPause);
  }
}

Result<> verify(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const ReassignmentPlan plan, plan_of(arguments));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  if (arguments.has("wait")) OTTLA_TRY_VOID(wait_for_end(client, plan, console));
  // First what is under way: what ends in between is then seen where it went.
  OTTLA_TRY(const AllReassigning under_way, list_reassigning(client));
  OTTLA_TRY(const auto metadata, client.metadata());
  const ReassignmentPlan current = assignment_of(metadata);
  json::array rows;
  std::string lines = "Status of partition reassignment:\n";
  const auto add = [&](const TopicPartition& name, const State& state) -> json::object& {
    lines += state.line + "\n";
    json::object row;
    row["topic"] = name.topic;
    row["partition"] = name.partition;
    row["state"] = state.word;
    return rows.emplace_back(std::move(row)).as_object();
  };
  for (const auto& [name, partition] : plan) {
    add(name, state_of(name, partition.replicas, current, under_way));
  }
  bool is_done = under_way.empty();
  for (const ReplicaMove& move : moves_of(plan)) {
    OTTLA_TRY(const State state, state_of(client, move));
    if (state.word == "inProgress") is_done = false;
    auto& row = add(move.partition, state);
    row["broker"] = move.broker.value();
    row["logDir"] = move.log_dir;
  }
  if (arguments.has("json")) {
    console.out << json::serialize(rows) << '\n';
  } else {
    console.out << lines << '\n';
  }
  if (!is_done || arguments.has("preserve-throttles")) return {};
  return remove_throttles(arguments, plan, metadata, client, console);
}

// --cancel

Result<> cancel(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const ReassignmentPlan plan, plan_of(arguments));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const AllReassigning under_way, list_reassigning(client));
  std::map<TopicPartition, Replicas> given_up;
  std::vector<TopicPartition> cancelled;
  for (const auto& [name, partition] : plan) {
    const auto moving = under_way.find(name);
    // Another reassignment of the same partition is not ours to end.
    if (moving == under_way.end() || moving->second.target() != partition.replicas) continue;
    given_up[name] = std::nullopt;
    cancelled.push_back(name);
  }
  if (!cancelled.empty()) OTTLA_TRY_VOID(alter_reassignments(client, given_up, "cancelling"));
  std::string moves;
  std::size_t ended = 0;
  for (const ReplicaMove& move : moves_of(plan)) {
    OTTLA_TRY(const auto places, places_of(client, move));
    if (places.second != move.log_dir || places.first.empty()) continue;
    // The current directory as destination ends a move.
    OTTLA_TRY(const ErrorCode error,
              alter_log_dir(client, {move.partition, move.broker, places.first}));
    if (error != ErrorCode::None) return fail(error, "replica " + move.name());
    moves += (moves.empty() ? "" : ",") + move.name();
    ++ended;
  }
  const auto clear = [&]() -> Result<> {
    if (arguments.has("preserve-throttles")) return {};
    OTTLA_TRY(const auto metadata, client.metadata());
    return remove_throttles(arguments, plan, metadata, client, console);
  };
  if (arguments.has("json")) {
    json::object root;
    root["cancelled"] = to_json(cancelled);
    root["logDirMoves"] = ended;
    console.out << json::serialize(root) << '\n';
    return clear();
  }
  if (cancelled.empty()) {
    console.out << "None of the specified partition reassignments are active.\n";
  } else {
    console.out << "Successfully cancelled partition reassignment" << plural(cancelled.size())
                << " for: " << names(cancelled) << '\n';
  }
  if (ended == 0) {
    console.out << "None of the specified partition moves are active.\n";
  } else {
    console.out << "Successfully cancelled log directory move" << plural(ended) << " for: " << moves
                << '\n';
  }
  return clear();
}

// --list

Result<> list(const Arguments& arguments, Console& console) {
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  OTTLA_TRY(const AllReassigning all, list_reassigning(client));
  if (arguments.has("json")) {
    json::array rows;
    for (const auto& [name, one] : all) {
      json::object row;
      row["topic"] = name.topic;
      row["partition"] = name.partition;
      row["replicas"] = to_json(one.replicas);
      row["adding"] = to_json(one.adding);
      row["removing"] = to_json(one.removing);
      rows.push_back(std::move(row));
    }
    console.out << json::serialize(rows) << '\n';
    return {};
  }
  if (all.empty()) {
    console.out << "No partition reassignments found.\n";
    return {};
  }
  console.out << "Current partition reassignments:\n";
  for (const auto& [name, one] : all) {
    console.out << name << ": replicas: " << joined(one.replicas) << '.';
    if (!one.adding.empty()) console.out << " adding: " << joined(one.adding) << '.';
    if (!one.removing.empty()) console.out << " removing: " << joined(one.removing) << '.';
    console.out << '\n';
  }
  return {};
}

Result<> run_reassign_partitions(const Arguments& arguments, Console& console) {
  constexpr std::array<std::string_view, 5> kActions = {"generate", "execute", "verify", "cancel",
                                                        "list"};
  OTTLA_TRY(const auto action, arguments.exactly_one_of(kActions));
  for (const char* name : {"throttle", "replica-alter-log-dirs-throttle"}) {
    if (!arguments.has(name) || action == "execute") continue;
    return fail(ErrorCode::InvalidRequest, "--" + std::string(name) + " is only for --execute");
  }
  if (arguments.has("preserve-throttles") && action != "verify" && action != "cancel") {
    return fail(ErrorCode::InvalidRequest, "--preserve-throttles is for --verify and --cancel");
  }
  if (arguments.has("wait") && action != "verify") {
    return fail(ErrorCode::InvalidRequest, "--wait is only for --verify");
  }
  if (action == "generate") return generate(arguments, console);
  if (action == "execute") return execute(arguments, console);
  if (action == "verify") return verify(arguments, console);
  if (action == "cancel") return cancel(arguments, console);
  return list(arguments, console);
}

}  // namespace

const Tool kReassignPartitionsTool{.name = "reassign-partitions",
                                   .summary = "move replicas between brokers and log directories",
                                   .flags = kFlags,
                                   .run = run_reassign_partitions};

}  // namespace ottla::cli
