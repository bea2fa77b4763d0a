#pragma once

#include <string>

#include "cli/entry_printer.h"
#include "common/base/error.h"
#include "common/env/file_system.h"

namespace ottla::cli {

/// Whether the file is one of the small ones of a log dir: a checkpoint, partition.metadata,
/// meta.properties, the clean shutdown marker, or one of ours (`ottla-*`, docs/storage.md).
[[nodiscard]] bool is_small_file(const std::string& path);

/// Prints such a file, the printer's, which Kafka's tool does not know. Errors: CorruptMessage,
/// InvalidConfig.
[[nodiscard]] Result<> dump_small_file(env::FileSystem& files, const EntryPrinter& printer);

}  // namespace ottla::cli
