#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"

namespace ottla::cli {

/// Where the replicas of a partition are, or are to be.
struct PlannedPartition {
  std::vector<BrokerId> replicas;  ///< The preferred leader first.
  std::vector<std::string>
      log_dirs;  ///< One for each replica; kAnyLogDir where it does not matter.
};
using ReassignmentPlan = std::map<TopicPartition, PlannedPartition>;

inline constexpr const char* kAnyLogDir = "any";

/// The content of a --reassignment-json-file. Errors: InvalidRequest, saying where it differs from
/// what is expected.
[[nodiscard]] Result<ReassignmentPlan> parse_reassignment_plan(const std::string& text);
/// The content of a --topics-to-move-json-file. Errors: InvalidRequest.
[[nodiscard]] Result<std::set<std::string>> parse_topics_to_move(const std::string& text);
/// The content of a --path-to-json-file of leader-election. Errors: InvalidRequest.
[[nodiscard]] Result<std::set<TopicPartition>> parse_partition_list(const std::string& text);

/// In the form that is parsed, on one line, its fields in the order of Kafka's tool.
[[nodiscard]] boost::json::object to_json(const ReassignmentPlan& plan);

/// `1,2,3`.
[[nodiscard]] std::string joined(const std::vector<BrokerId>& brokers);

/// A file's content. Errors: InvalidRequest, naming it.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

}  // namespace ottla::cli
