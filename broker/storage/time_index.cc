#include "broker/storage/time_index.h"

#include <algorithm>
#include <array>
#include <limits>

#include "broker/storage/file_names.h"

namespace ottla::storage {
namespace {

constexpr std::uint32_t kEntrySize = 12;
using EntryBytes = std::array<std::byte, kEntrySize>;

TimestampPosition decode(const EntryBytes& bytes, Offset base_offset) {
  return {load_big_endian<std::int64_t>(bytes.data()),
          base_offset + load_big_endian<std::int32_t>(bytes.data() + 8)};
}

}  // namespace

TimeIndex::TimeIndex(env::FileSystem& files, const SegmentPlace& place)
    : base_offset_(place.base_offset()),
      file_(files, place, kTimeIndexSuffix, kEntrySize),
      last_{-1, base_offset_} {}

Result<bool> TimeIndex::load() {
  OTTLA_TRY(const bool has_whole_entries, file_.load());
  if (!has_whole_entries) return false;
  OTTLA_TRY_VOID(load_last());
  return file_.count() == 0 || (last_.offset >= base_offset_ && last_.timestamp >= 0);
}

Result<> TimeIndex::load_last() {
  clear_last();
  if (file_.count() == 0) return {};
  OTTLA_TRY(const auto file, file_.open_for_reading());
  EntryBytes bytes;
  OTTLA_TRY(const std::size_t got,
            file->read_at(bytes, std::uint64_t{file_.count() - 1} * kEntrySize));
  if (got != kEntrySize) return fail(ErrorCode::CorruptMessage, "time index is too short");
  last_ = decode(bytes, base_offset_);
  return {};
}

Result<> TimeIndex::append_if_larger(TimestampPosition entry) {
  if (entry.timestamp <= last_.timestamp) return {};
  EntryBytes bytes;
  store_big_endian(bytes.data(), entry.timestamp);
  store_big_endian(bytes.data() + 8, static_cast<std::int32_t>(entry.offset - base_offset_));
  OTTLA_TRY_VOID(file_.append(bytes));
  last_ = entry;
  return {};
}

Result<> TimeIndex::truncate_to(Offset offset) {
  std::int64_t last_kept = -1;
  if (offset > base_offset_) {
    const std::int64_t relative =
        std::min<std::int64_t>(offset - base_offset_ - 1, std::numeric_limits<std::int32_t>::max());
    EntryBytes bytes;
    OTTLA_TRY(last_kept, find_entry(file_, 8, static_cast<std::int32_t>(relative), bytes));
  }
  OTTLA_TRY_VOID(file_.truncate(static_cast<std::uint32_t>(last_kept + 1)));
  return load_last();
}

Result<TimestampPosition> TimeIndex::lookup(std::int64_t timestamp) const {
  EntryBytes bytes;
  OTTLA_TRY(const std::int64_t found, find_entry(file_, 0, timestamp, bytes));
  return found < 0 ? TimestampPosition{-1, base_offset_} : decode(bytes, base_offset_);
}

}  // namespace ottla::storage
