// `ottla delete-records`: what kafka-delete-records does.
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "cli/broker_client.h"
#include "cli/tool.h"
#include "common/base/topic_partition.h"
#include "common/protocol/messages/delete_records.h"

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "offset-json-file",
     .value = "file",
     .doc = R"({"partitions":[{"topic":"a","partition":0,"offset":5}],"version":1}: records )"
            "below the offset go; -1 is all that is committed"},
    {.name = "timeout", .value = "ms", .doc = "how long to wait for the replicas; 30000"},
};

constexpr std::int64_t kTimeoutMs = 30000;

using Offsets = std::map<TopicPartition, Offset>;

/// The file's content. Errors: InvalidRequest, saying where it differs from what is expected.
Result<Offsets> parse_offsets(const std::string& text) {
  const auto wrong = [](const std::string& why) {
    return fail(ErrorCode::InvalidRequest, "--offset-json-file: " + why);
  };
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(text, error);
  if (error) return wrong("not JSON: " + error.message());
  const auto* const root = json.if_object();
  const auto* const rows = root != nullptr ? root->if_contains("partitions") : nullptr;
  if (rows == nullptr || !rows->is_array()) return wrong("\"partitions\" is missing");
  const auto* const version = root->if_contains("version");
  if (version != nullptr && (!version->is_int64() || version->as_int64() != 1)) {
    return wrong("\"version\" must be 1");
  }
  Offsets offsets;
  for (const auto& row : rows->as_array()) {
    const auto* const fields = row.if_object();
    const auto field = [&](const char* name) {
      return fields != nullptr ? fields->if_contains(name) : nullptr;
    };
    const auto* const topic = field("topic");
    const auto* const partition = field("partition");
    const auto* const offset = field("offset");
    if (topic == nullptr || !topic->is_string() || partition == nullptr || !partition->is_int64() ||
        offset == nullptr || !offset->is_int64()) {
      return wrong("each of \"partitions\" needs topic, partition and offset");
    }
    const TopicPartition name{std::string(topic->as_string()),
                              static_cast<std::int32_t>(partition->as_int64())};
    if (!offsets.emplace(name, Offset(offset->as_int64())).second) {
      return wrong(name.to_string() + " is there twice");
    }
  }
  if (offsets.empty()) return wrong("no partitions");
  return offsets;
}

struct Outcome {
  ErrorCode error = ErrorCode::None;
  Offset low_watermark = kUnknownOffset;
};
using Outcomes = std::map<TopicPartition, Outcome>;

Result<> ask_leader(BrokerClient& client, BrokerId leader, const Offsets& offsets,
                    std::int64_t timeout_ms, Outcomes& outcomes) {
  protocol::DeleteRecordsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(timeout_ms);
  for (const auto& [partition, offset] : offsets) {
    if (request.topics.empty() || request.topics.back().name != partition.topic) {
      request.topics.push_back({.name = partition.topic, .partitions = {}});
    }
    request.topics.back().partitions.push_back(
        {.partition_index = partition.partition, .offset = offset});
  }
  OTTLA_TRY(const auto response, client.ask<protocol::DeleteRecordsResponse>(leader, request));
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) {
      outcomes[{topic.name, partition.partition_index}] = {partition.error_code,
                                                           partition.low_watermark};
    }
  }
  return {};
}

void print(const Outcomes& outcomes, Console& console) {
  console.out << "Records delete operation completed:\n";
  for (const auto& [partition, outcome] : outcomes) {
    console.out << "partition: " << partition << '\t';
    if (outcome.error == ErrorCode::None) {
      console.out << "low_watermark: " << outcome.low_watermark << '\n';
    } else {
      console.out << "error: " << text_of(outcome.error) << " (" << name_of(outcome.error) << ")\n";
    }
  }
}

void print_json(const Outcomes& outcomes, Console& console) {
  boost::json::array rows;
  for (const auto& [partition, outcome] : outcomes) {
    boost::json::object row{{"topic", partition.topic}, {"partition", partition.partition}};
    if (outcome.error == ErrorCode::None) {
      row["lowWatermark"] = outcome.low_watermark.value();
    } else {
      row["error"] = std::string(name_of(outcome.error));
    }
    rows.push_back(std::move(row));
  }
  console.out << boost::json::serialize(rows) << '\n';
}

Result<> run_delete_records(const Arguments& arguments, Console& console) {
  OTTLA_TRY_VOID(arguments.require("offset-json-file"));
  OTTLA_TRY(const auto timeout, arguments.number("timeout", 0));
  const std::string path = *arguments.value("offset-json-file");
  std::ifstream file(path);
  if (!file) return fail(ErrorCode::InvalidRequest, path + ": cannot be read");
  OTTLA_TRY(const Offsets offsets, parse_offsets({std::istreambuf_iterator<char>(file),
                                                  std::istreambuf_iterator<char>()}));
  OTTLA_TRY(auto client, BrokerClient::connect(arguments));
  if (!arguments.has("json")) console.out << "Executing records delete operation\n";

  OTTLA_TRY(const auto metadata, client.metadata());
  std::map<TopicPartition, BrokerId> leaders;
  for (const auto& topic : metadata.topics) {
    for (const auto& partition : topic.partitions) {
      leaders[{topic.name.value_or(""), partition.partition_index}] = partition.leader_id;
    }
  }
  Outcomes outcomes;
  std::map<BrokerId, Offsets> by_leader;
  for (const auto& [partition, offset] : offsets) {
    const auto leader = leaders.find(partition);
    if (leader == leaders.end()) {
      outcomes[partition].error = ErrorCode::UnknownTopicOrPartition;
    } else if (leader->second == kNoBroker) {
      outcomes[partition].error = ErrorCode::LeaderNotAvailable;
    } else {
      by_leader[leader->second].emplace(partition, offset);
    }
  }
  for (const auto& [leader, wanted] : by_leader) {
    OTTLA_TRY_VOID(ask_leader(client, leader, wanted, timeout.value_or(kTimeoutMs), outcomes));
  }
  if (arguments.has("json")) {
    print_json(outcomes, console);
  } else {
    print(outcomes, console);
  }
  for (const auto& [partition, outcome] : outcomes) {
    if (outcome.error != ErrorCode::None) {
      return fail(outcome.error, "not all records were deleted");
    }
  }
  return {};
}

}  // namespace

const Tool kDeleteRecordsTool{.name = "delete-records",
                              .summary = "delete the records below given offsets",
                              .flags = kFlags,
                              .run = run_delete_records};

}  // namespace ottla::cli
