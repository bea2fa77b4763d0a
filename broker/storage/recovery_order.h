#pragma once

#include <cstdint>
#include <string>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// What is known of a log before it is opened.
struct LogToOpen {
  TopicPartition partition;
  std::uint64_t bytes_to_read = 0;  ///< Of segments that are read as a whole; 0 after a clean end.
};

/// Which of two logs of a log dir is opened first: the coordinators' topics, then the one with the
/// most to read. That is the one that was written to most since the last flush; and the threads
/// come to the end together when the long pieces are done first (docs/storage.md).
[[nodiscard]] bool opens_before(const LogToOpen& one, const LogToOpen& other);

/// How many bytes of the log in `directory` a recovery from there on reads: from the segment that
/// holds the recovery point. Blocks.
Result<std::uint64_t> bytes_behind(env::FileSystem& files, const std::string& directory,
                                   Offset recovery_point);

}  // namespace ottla::storage
