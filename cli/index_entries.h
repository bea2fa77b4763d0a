#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"

namespace ottla::cli {

struct OffsetEntry {
  Offset offset;
  std::uint64_t position = 0;
};
struct TimeEntry {
  std::int64_t timestamp = 0;
  Offset offset;
};
struct TransactionEntry {
  std::int16_t version = 0;
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;
  Offset last_stable_offset;
};

/// The entries of an index file with the content `text`; `path` names the base offset. Entries end
/// where the zeros begin that a file has which was preallocated and not cut: at the first entry
/// that points at the base offset again, as Kafka's tool ends. Errors: InvalidRecord for a size
/// that is no multiple of an entry's, InvalidRequest for the name.
[[nodiscard]] Result<std::vector<OffsetEntry>> read_offset_entries(const std::string& text,
                                                                   const std::string& path);
[[nodiscard]] Result<std::vector<TimeEntry>> read_time_entries(const std::string& text,
                                                               const std::string& path);
[[nodiscard]] Result<std::vector<TransactionEntry>> read_transaction_entries(
    const std::string& text, const std::string& path);

}  // namespace ottla::cli
