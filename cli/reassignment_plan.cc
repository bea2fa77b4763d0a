#include "cli/reassignment_plan.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <boost/json.hpp>

namespace ottla::cli {
namespace {

namespace json = boost::json;

tl::unexpected<Error> wrong(const std::string& why) {
  return fail(ErrorCode::InvalidRequest, "JSON file: " + why);
}

const json::value* field(const json::value& row, const char* name) {
  const auto* const fields = row.if_object();
  return fields != nullptr ? fields->if_contains(name) : nullptr;
}

/// The array `name` of an object of version 1.
Result<json::array> rows_of(const std::string& text, const char* name) {
  boost::system::error_code error;
  const json::value root = json::parse(text, error);
  if (error) return wrong("not JSON: " + error.message());
  const auto* const version = field(root, "version");
  if (version != nullptr && (!version->is_int64() || version->as_int64() != 1)) {
    return wrong("\"version\" must be 1");
  }
  const auto* const rows = field(root, name);
  if (rows == nullptr || !rows->is_array()) {
    return wrong("\"" + std::string(name) + "\" is missing");
  }
  if (rows->as_array().empty()) return wrong("\"" + std::string(name) + "\" is empty");
  return rows->as_array();
}

Result<TopicPartition> partition_of(const json::value& row) {
  const auto* const topic = field(row, "topic");
  const auto* const partition = field(row, "partition");
  if (topic == nullptr || !topic->is_string() || topic->as_string().empty() ||
      partition == nullptr || !partition->is_int64() || partition->as_int64() < 0 ||
      partition->as_int64() > INT32_MAX) {
    return wrong("each of \"partitions\" needs a topic and a partition");
  }
  return TopicPartition{std::string(topic->as_string()),
                        static_cast<std::int32_t>(partition->as_int64())};
}

Result<PlannedPartition> planned(const TopicPartition& name, const json::value& row) {
  const auto* const replicas = field(row, "replicas");
  if (replicas == nullptr || !replicas->is_array() || replicas->as_array().empty()) {
    return wrong(name.to_string() + " needs replicas");
  }
  PlannedPartition plan;
  for (const auto& replica : replicas->as_array()) {
    if (!replica.is_int64() || replica.as_int64() < 0 || replica.as_int64() > INT32_MAX) {
      return wrong(name.to_string() + ": replicas must be broker ids");
    }
    const BrokerId broker(static_cast<std::int32_t>(replica.as_int64()));
    if (std::ranges::find(plan.replicas, broker) != plan.replicas.end()) {
      return wrong(name.to_string() + ": replicas have broker " + std::to_string(broker.value()) +
                   " twice");
    }
    plan.replicas.push_back(broker);
  }
  const auto* const log_dirs = field(row, "log_dirs");
  if (log_dirs == nullptr) {
    plan.log_dirs.assign(plan.replicas.size(), kAnyLogDir);
    return plan;
  }
  if (!log_dirs->is_array() || log_dirs->as_array().size() != plan.replicas.size()) {
    return wrong(name.to_string() + ": needs as many log_dirs as replicas");
  }
  for (const auto& log_dir : log_dirs->as_array()) {
    if (!log_dir.is_string()) return wrong(name.to_string() + ": log_dirs must be texts");
    plan.log_dirs.emplace_back(log_dir.as_string());
  }
  return plan;
}

}  // namespace

Result<ReassignmentPlan> parse_reassignment_plan(const std::string& text) {
  OTTLA_TRY(const json::array rows, rows_of(text, "partitions"));
  ReassignmentPlan plan;
  for (const auto& row : rows) {
    OTTLA_TRY(const TopicPartition name, partition_of(row));
    OTTLA_TRY(auto partition, planned(name, row));
    if (!plan.emplace(name, std::move(partition)).second) {
      return wrong(name.to_string() + " is there twice");
    }
  }
  return plan;
}

Result<std::set<std::string>> parse_topics_to_move(const std::string& text) {
  OTTLA_TRY(const json::array rows, rows_of(text, "topics"));
  std::set<std::string> topics;
  for (const auto& row : rows) {
    const auto* const topic = field(row, "topic");
    if (topic == nullptr || !topic->is_string()) return wrong("each of \"topics\" needs a topic");
    if (!topics.emplace(topic->as_string()).second) {
      return wrong("topic " + std::string(topic->as_string()) + " is there twice");
    }
  }
  return topics;
}

Result<std::set<TopicPartition>> parse_partition_list(const std::string& text) {
  OTTLA_TRY(const json::array rows, rows_of(text, "partitions"));
  std::set<TopicPartition> partitions;
  for (const auto& row : rows) {
    OTTLA_TRY(const TopicPartition name, partition_of(row));
    if (!partitions.insert(name).second) return wrong(name.to_string() + " is there twice");
  }
  return partitions;
}

json::object to_json(const ReassignmentPlan& plan) {
  json::array rows;
  for (const auto& [name, partition] : plan) {
    json::array replicas;
    for (const BrokerId broker : partition.replicas) replicas.emplace_back(broker.value());
    json::object row;
    row["topic"] = name.topic;
    row["partition"] = name.partition;
    row["replicas"] = std::move(replicas);
    row["log_dirs"] = json::array(partition.log_dirs.begin(), partition.log_dirs.end());
    rows.push_back(std::move(row));
  }
  json::object root;
  root["version"] = 1;
  root["partitions"] = std::move(rows);
  return root;
}

std::string joined(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const BrokerId broker : brokers) {
    text += (text.empty() ? "" : ",") + std::to_string(broker.value());
  }
  return text;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(ErrorCode::InvalidRequest, path + ": cannot be read");
  return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace ottla::cli
