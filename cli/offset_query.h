#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "cli/broker_client.h"
#include "common/base/error.h"
#include "common/base/topic_partition.h"

namespace ottla::cli {

/// Offsets by time (-1 latest, -2 earliest), as the leaders tell them. Partitions without a leader,
/// or without such an offset, are left out.
[[nodiscard]] Result<std::map<TopicPartition, std::int64_t>> list_offsets(
    BrokerClient& client, const std::set<TopicPartition>& partitions, std::int64_t time);

}  // namespace ottla::cli
