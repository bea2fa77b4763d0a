#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// Kafka's checkpoint text: version 0, a count, and that many lines of fields. An empty text holds
/// none. Errors: CorruptMessage, saying what is wrong.
Result<std::vector<std::vector<std::string_view>>> parse_checkpoint(std::string_view text,
                                                                    std::size_t fields);
Result<std::int64_t> parse_checkpoint_number(std::string_view text);

/// One offset for each partition of a log dir: recovery points, high watermarks, log starts.
using PartitionOffsets = std::map<TopicPartition, Offset>;

Result<PartitionOffsets> parse_offset_checkpoint(std::string_view text);
[[nodiscard]] std::string format_offset_checkpoint(const PartitionOffsets& offsets);

/// A missing file holds none. A corrupt one holds none either and says so loudly: every offset in
/// it can be found again from the logs, while refusing to start cannot be undone by a restart (W9).
Result<PartitionOffsets> read_offset_checkpoint(env::FileSystem& files, const std::string& path);
/// Replaces the file atomically and durably.
Result<> write_offset_checkpoint(env::FileSystem& files, const std::string& path,
                                 const PartitionOffsets& offsets);

}  // namespace ottla::storage
