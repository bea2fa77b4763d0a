#include "cli/index_entries.h"

#include "cli/segment_file.h"
#include "common/base/bytes.h"

namespace ottla::cli {
namespace {

constexpr std::size_t kOffsetEntrySize = 8;
constexpr std::size_t kTimeEntrySize = 12;
constexpr std::size_t kTransactionEntrySize = 34;

Result<ByteView> whole_entries(const std::string& text, const std::string& path,
                               std::size_t entry) {
  if (text.size() % entry == 0) return as_bytes(text);
  return fail(ErrorCode::InvalidRecord, path + ": its size " + std::to_string(text.size()) +
                                            " is no multiple of an entry's " +
                                            std::to_string(entry));
}

}  // namespace

Result<std::vector<OffsetEntry>> read_offset_entries(const std::string& text,
                                                     const std::string& path) {
  OTTLA_TRY(const Offset base, base_offset_of(path));
  OTTLA_TRY(const ByteView bytes, whole_entries(text, path, kOffsetEntrySize));
  std::vector<OffsetEntry> entries;
  for (std::size_t at = 0; at < bytes.size(); at += kOffsetEntrySize) {
    const auto relative = load_big_endian<std::int32_t>(bytes.data() + at);
    const auto position = load_big_endian<std::int32_t>(bytes.data() + at + 4);
    if (relative == 0 && at > 0) break;
    entries.push_back({base + relative, static_cast<std::uint64_t>(position)});
  }
  return entries;
}

Result<std::vector<TimeEntry>> read_time_entries(const std::string& text, const std::string& path) {
  OTTLA_TRY(const Offset base, base_offset_of(path));
  OTTLA_TRY(const ByteView bytes, whole_entries(text, path, kTimeEntrySize));
  std::vector<TimeEntry> entries;
  for (std::size_t at = 0; at < bytes.size(); at += kTimeEntrySize) {
    const auto timestamp = load_big_endian<std::int64_t>(bytes.data() + at);
    const auto relative = load_big_endian<std::int32_t>(bytes.data() + at + 8);
    if (relative == 0 && at > 0) break;
    entries.push_back({timestamp, base + relative});
  }
  return entries;
}

Result<std::vector<TransactionEntry>> read_transaction_entries(const std::string& text,
                                                               const std::string& path) {
  OTTLA_TRY(const ByteView bytes, whole_entries(text, path, kTransactionEntrySize));
  std::vector<TransactionEntry> entries;
  for (std::size_t at = 0; at < bytes.size(); at += kTransactionEntrySize) {
    const std::byte* entry = bytes.data() + at;
    entries.push_back({load_big_endian<std::int16_t>(entry),
                       ProducerId(load_big_endian<std::int64_t>(entry + 2)),
                       Offset(load_big_endian<std::int64_t>(entry + 10)),
                       Offset(load_big_endian<std::int64_t>(entry + 18)),
                       Offset(load_big_endian<std::int64_t>(entry + 26))});
  }
  return entries;
}

}  // namespace ottla::cli
