#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <boost/json/fwd.hpp>

#include "cli/reassigning.h"
#include "common/base/uuid.h"
#include "common/protocol/messages/metadata.h"

namespace ottla::cli {

/// What `topics --describe` shows of a partition.
struct PartitionDescription {
  std::int32_t partition = 0;
  std::int32_t leader = -1;
  std::int32_t leader_epoch = -1;
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> isr;
  std::vector<std::int32_t> offline_replicas;
  // While it is being reassigned, if somebody asked.
  std::vector<std::int32_t> adding;
  std::vector<std::int32_t> removing;

  [[nodiscard]] bool has_leader() const { return leader >= 0; }
  [[nodiscard]] bool is_reassigning() const { return !adding.empty() || !removing.empty(); }
  /// Without the replicas that a reassignment adds, which need not be in sync yet (KIP-352).
  [[nodiscard]] std::size_t replication_factor() const;
  [[nodiscard]] bool is_under_replicated() const { return isr.size() < replication_factor(); }
};

/// What `topics --describe` shows of a topic.
struct TopicDescription {
  std::string name;
  Uuid topic_id;
  bool internal = false;
  std::map<std::string, std::string> own_configs;
  std::optional<std::int32_t> min_insync_replicas;  ///< Unknown if nobody asked.
  std::vector<PartitionDescription> partitions;     ///< By number.

  [[nodiscard]] std::size_t replication_factor() const {
    return partitions.empty() ? 0 : partitions.front().replication_factor();
  }
};

[[nodiscard]] TopicDescription describe(const protocol::MetadataResponse::Topic& topic);

/// Adds what is being reassigned.
void add_reassigning(std::vector<TopicDescription>& topics, const AllReassigning& all);

/// The two kinds of lines, as scripts parse them.
void print_topic_line(std::ostream& out, const TopicDescription& topic);
void print_partition_line(std::ostream& out, const TopicDescription& topic,
                          const PartitionDescription& partition);
[[nodiscard]] boost::json::object to_json(const TopicDescription& topic);

}  // namespace ottla::cli
