#pragma once

#include <string>

#include "cli/tool.h"
#include "common/base/error.h"
#include "common/env/file_system.h"

namespace ottla::cli {

enum class IndexDumpMode {
  Print,       ///< Every entry; compared with the segment beside it.
  VerifyOnly,  ///< Only compared.
  SanityCheck  ///< Only the file itself is looked at: size and order.
};

/// The files beside a segment, in the shape of kafka-dump-log. What does not fit the segment is
/// told on `err`, and is an error at the end: InvalidRecord.
[[nodiscard]] Result<> dump_offset_index(env::FileSystem& files, const std::string& path,
                                         IndexDumpMode mode, Console& console);
[[nodiscard]] Result<> dump_time_index(env::FileSystem& files, const std::string& path,
                                       IndexDumpMode mode, Console& console);
[[nodiscard]] Result<> dump_transaction_index(env::FileSystem& files, const std::string& path,
                                              Console& console);
[[nodiscard]] Result<> dump_producer_snapshot(env::FileSystem& files, const std::string& path,
                                              Console& console);

}  // namespace ottla::cli
