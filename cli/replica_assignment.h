#pragma once

#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"

namespace ottla::cli {

/// Reads `0:1,1:2`: the brokers of partition 0, then of partition 1. Errors: InvalidRequest for
/// what is no number, for a broker that comes twice and for partitions of different width.
[[nodiscard]] Result<std::vector<std::vector<BrokerId>>> parse_replica_assignment(
    std::string_view text);

}  // namespace ottla::cli
