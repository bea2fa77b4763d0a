#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/tool.h"
#include "common/base/error.h"
#include "common/env/file_system.h"

namespace ottla::cli {

struct SegmentDumpOptions {
  bool records = false;   ///< Each record, not only the batches.
  bool contents = false;  ///< With key and value.
  bool skip_record_metadata = false;
  bool group_records = false;        ///< Keys and values as those of __consumer_offsets.
  bool transaction_records = false;  ///< Keys and values as those of __transaction_state.
  bool json = false;                 ///< A JSON object for each batch, in a line.
  std::optional<std::uint64_t> max_bytes;
};

/// Prints a segment's .log file in the shape of kafka-dump-log. A torn tail is reported and no
/// error; a batch with a bad CRC is shown with isvalid: false.
[[nodiscard]] Result<> dump_segment(env::FileSystem& files, const std::string& path,
                                    const SegmentDumpOptions& options, Console& console);

}  // namespace ottla::cli
