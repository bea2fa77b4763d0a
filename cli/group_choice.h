#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/flags.h"
#include "cli/group_client.h"
#include "common/base/error.h"
#include "common/base/topic_partition.h"

/// What the flags of `consumer-groups` choose.
namespace ottla::cli {

/// Which flags go together with an action, as Kafka 3.9's tool has it. Besides, --all-topics is
/// refused where that tool ignores it and does more than was meant. Errors: InvalidRequest.
[[nodiscard]] Result<> check_group_flags(std::string_view action, const Arguments& arguments);

/// --group, as often as it stands, or --all-groups.
[[nodiscard]] Result<std::vector<std::string>> chosen_groups(GroupClient& client,
                                                             const Arguments& arguments);

/// The partitions that --topic or --all-topics choose for a group.
[[nodiscard]] Result<std::set<TopicPartition>> chosen_partitions(
    GroupClient& client, const Arguments& arguments,
    const std::map<TopicPartition, std::int64_t>& committed);

}  // namespace ottla::cli
