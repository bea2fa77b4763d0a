#pragma once

#include <ostream>

#include "cli/entry_printer.h"
#include "common/base/error.h"
#include "common/env/file_system.h"

namespace ottla::cli {

enum class IndexDumpMode {
  Print,       ///< Every entry; compared with the segment beside it.
  VerifyOnly,  ///< Only compared.
  SanityCheck  ///< Only the file itself is looked at: size and order.
};

/// The files beside a segment: the printer's, in the shape of kafka-dump-log. What does not fit the
/// segment is told on `err`, and is an error at the end: InvalidRecord.
[[nodiscard]] Result<> dump_offset_index(env::FileSystem& files, IndexDumpMode mode,
                                         const EntryPrinter& printer, std::ostream& err);
[[nodiscard]] Result<> dump_time_index(env::FileSystem& files, IndexDumpMode mode,
                                       const EntryPrinter& printer, std::ostream& err);
[[nodiscard]] Result<> dump_transaction_index(env::FileSystem& files, const EntryPrinter& printer);
[[nodiscard]] Result<> dump_producer_snapshot(env::FileSystem& files, const EntryPrinter& printer);

}  // namespace ottla::cli
