#pragma once

#include <memory>
#include <vector>

#include "broker/replica/offset_queries.h"
#include "broker/replica/partition_lookup.h"
#include "common/base/task.h"
#include "common/env/executor.h"

namespace ottla::replica {

/// ListOffsets: earliest and latest are answered inside the call; what must read the log is looked
/// up on the I/O pool.
void look_up_offsets(std::vector<OffsetQuery> queries, IsolationLevel isolation,
                     std::shared_ptr<const PartitionLookup> lookup, env::Executor& on,
                     env::Executor& io, Callback<std::vector<ListedOffset>> done);

/// OffsetForLeaderEpoch (KIP-320).
[[nodiscard]] EpochAnswer look_up_epoch(const EpochQuery& query, const PartitionLookup& lookup);

}  // namespace ottla::replica
