// `ottla leader-election`: what kafka-leader-election does.
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/reassignment_plan.h"
#include "cli/tool.h"
#include "common/protocol/messages/elect_leaders.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    {.name = "admin.config",
     .value = "file",
     .doc = "the older name of --command-config",
     .other_name_of = "command-config"},
    kJsonFlag,
    {.name = "election-type",
     .value = "preferred|unclean",
     .doc = "preferred: the first replica of the assignment leads; unclean: any, where no live "
            "broker leads, though records may be lost"},
    {.name = "topic", .value = "name", .doc = "with --partition: elect for this partition"},
    {.name = "partition", .value = "number", .doc = "with --topic"},
    {.name = "path-to-json-file",
     .value = "file",
     .doc = R"({"partitions":[{"topic":"a","partition":0}]}: elect for these)"},
    {.name = "all-topic-partitions", .doc = "elect for all partitions that need it"},
};

using Wanted = std::optional<std::set<TopicPartition>>;  ///< None: all.

Result<Wanted> wanted_partitions(const Arguments& arguments) {
  constexpr std::array<std::string_view, 3> kChoices = {"topic", "path-to-json-file",
                                                        "all-topic-partitions"};
  OTTLA_TRY(const auto choice, arguments.exactly_one_of(kChoices));
  if (choice == "topic") {
    OTTLA_TRY_VOID(arguments.require("partition"));
  } else if (arguments.has("partition")) {
    return fail(ErrorCode::InvalidRequest, "--partition is only for --topic");
  }
  if (choice == "all-topic-partitions") return Wanted();
  if (choice == "path-to-json-file") {
    OTTLA_TRY(const std::string text, read_file(*arguments.value(choice)));
    OTTLA_TRY(auto partitions, parse_partition_list(text));
    return Wanted(std::move(partitions));
  }
  OTTLA_TRY(const auto partition, arguments.number("partition", 0));
  return Wanted({TopicPartition{*arguments.value("topic"), static_cast<std::int32_t>(*partition)}});
}

struct Outcome {
  ErrorCode error = ErrorCode::None;
  std::string message;
};

std::string names(const std::map<TopicPartition, Outcome>& outcomes, ErrorCode with) {
  std::string text;
  for (const auto& [partition, outcome] : outcomes) {
    if (outcome.error == with) text += (text.empty() ? "" : ", ") + partition.to_string();
  }
  return text;
}

void print(const std::map<TopicPartition, Outcome>& outcomes, const std::string& kind,
           Console& console) {
  if (const auto elected = names(outcomes, ErrorCode::None); !elected.empty()) {
    console.out << "Successfully completed leader election (" << kind << ") for partitions "
                << elected << '\n';
  }
  if (const auto valid = names(outcomes, ErrorCode::ElectionNotNeeded); !valid.empty()) {
    console.out << "Valid replica already elected for partitions " << valid << '\n';
  }
  for (const auto& [partition, outcome] : outcomes) {
    if (outcome.error == ErrorCode::None || outcome.error == ErrorCode::ElectionNotNeeded) continue;
    console.out << "Error completing leader election (" << kind << ") for partition: " << partition
                << ": " << outcome.message << " (" << name_of(outcome.error) << ")\n";
  }
}

void print_json(const std::map<TopicPartition, Outcome>& outcomes, Console& console) {
  boost::json::array rows;
  for (const auto& [partition, outcome] : outcomes) {
    boost::json::object row;
    row["topic"] = partition.topic;
    row["partition"] = partition.partition;
    row["elected"] = outcome.error == ErrorCode::None;
    if (outcome.error != ErrorCode::None) row["error"] = std::string(name_of(outcome.error));
    rows.push_back(std::move(row));
  }
  console.out << boost::json::serialize(rows) << '\n';
}

Result<> run_leader_election(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("election-type"));
  std::string kind = *arguments.value("election-type");
  for (char& letter : kind) letter = static_cast<char>(std::toupper(letter));
  if (kind != "PREFERRED" && kind != "UNCLEAN") {
    return fail(ErrorCode::InvalidRequest, "--election-type " + *arguments.value("election-type") +
                                               ": must be preferred or unclean");
  }
  OTTLA_TRY(const Wanted wanted, wanted_partitions(arguments));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));

  protocol::ElectLeadersRequest request;
  request.election_type = kind == "UNCLEAN" ? 1 : 0;
  request.timeout_ms = 30000;
  if (!wanted) {
    request.topic_partitions.reset();
  } else {
    for (const TopicPartition& name : *wanted) {
      auto& topics = *request.topic_partitions;
      if (topics.empty() || topics.back().topic != name.topic) {
        topics.push_back({.topic = name.topic, .partitions = {}});
      }
      topics.back().partitions.push_back(name.partition);
    }
  }
  OTTLA_TRY(const auto response, client.ask_controller<protocol::ElectLeadersResponse>(request));
  if (response.error_code != ErrorCode::None) return fail(response.error_code);
  std::map<TopicPartition, Outcome> outcomes;
  std::size_t failed = 0;
  for (const auto& topic : response.replica_election_results) {
    for (const auto& partition : topic.partition_result) {
      const ErrorCode error = partition.error_code;
      const bool is_told = partition.error_message && !partition.error_message->empty();
      outcomes[{topic.topic, partition.partition_id}] = {
          error, is_told ? *partition.error_message : std::string(text_of(error))};
      if (error != ErrorCode::None && error != ErrorCode::ElectionNotNeeded) ++failed;
    }
  }
  if (arguments.has("json")) {
    print_json(outcomes, console);
  } else {
    print(outcomes, kind, console);
  }
  if (failed > 0) {
    return fail(ErrorCode::InvalidRequest,
                std::to_string(failed) + " replica(s) could not be elected");
  }
  return {};
}

}  // namespace

const Tool kLeaderElectionTool{.name = "leader-election",
                               .summary = "elect leaders: the preferred ones, or unclean",
                               .flags = kFlags,
                               .run = run_leader_election};

}  // namespace ottla::cli
