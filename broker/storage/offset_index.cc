#include "broker/storage/offset_index.h"

#include <algorithm>
#include <array>
#include <limits>

#include "broker/storage/file_names.h"

namespace ottla::storage {
namespace {

constexpr std::uint32_t kEntrySize = 8;
using EntryBytes = std::array<std::byte, kEntrySize>;

OffsetPosition decode(const EntryBytes& bytes, Offset base_offset) {
  return {base_offset + load_big_endian<std::int32_t>(bytes.data()),
          static_cast<std::uint64_t>(load_big_endian<std::int32_t>(bytes.data() + 4))};
}

}  // namespace

OffsetIndex::OffsetIndex(env::FileSystem& files, const SegmentPlace& place)
    : base_offset_(place.base_offset()), file_(files, place, kIndexSuffix, kEntrySize) {}

Result<bool> OffsetIndex::load(std::uint64_t log_size) {
  OTTLA_TRY(const bool has_whole_entries, file_.load());
  if (!has_whole_entries) return false;
  if (file_.count() == 0) return true;
  OTTLA_TRY(const OffsetPosition last, entry(file_.count() - 1));
  return last.offset >= base_offset_ && last.position < log_size;
}

Result<> OffsetIndex::append(Offset last_offset, std::uint64_t position) {
  if (is_full()) return fail(ErrorCode::KafkaStorageError, "offset index is full");
  return append_recovered(last_offset, position);
}

Result<> OffsetIndex::append_recovered(Offset last_offset, std::uint64_t position) {
  EntryBytes bytes;
  store_big_endian(bytes.data(), static_cast<std::int32_t>(last_offset - base_offset_));
  store_big_endian(bytes.data() + 4, static_cast<std::int32_t>(position));
  return file_.append(bytes);
}

Result<> OffsetIndex::truncate_to(Offset offset) {
  if (offset <= base_offset_) return file_.truncate(0);
  const std::int64_t relative =
      std::min<std::int64_t>(offset - base_offset_ - 1, std::numeric_limits<std::int32_t>::max());
  EntryBytes bytes;
  OTTLA_TRY(const std::int64_t last_kept,
            find_entry(file_, 0, static_cast<std::int32_t>(relative), bytes));
  return file_.truncate(static_cast<std::uint32_t>(last_kept + 1));
}

Result<OffsetPosition> OffsetIndex::lookup(Offset target) const {
  EntryBytes bytes;
  OTTLA_TRY(const std::int64_t found, find_entry(file_, 0, relative(target), bytes));
  return found < 0 ? OffsetPosition{base_offset_, 0} : decode(bytes, base_offset_);
}

Result<std::optional<OffsetPosition>> OffsetIndex::cached_lookup(Offset target) const {
  EntryBytes bytes;
  OTTLA_TRY(const auto found, find_cached_entry(file_, 0, relative(target), bytes));
  if (!found) return std::nullopt;
  return *found < 0 ? OffsetPosition{base_offset_, 0} : decode(bytes, base_offset_);
}

/// As entries have it; below the segment's first offset: below every entry.
std::int32_t OffsetIndex::relative(Offset target) const {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(
      target - base_offset_, -1, std::numeric_limits<std::int32_t>::max()));
}

Result<OffsetPosition> OffsetIndex::lookup_position(std::uint64_t position) const {
  const auto target = static_cast<std::int32_t>(
      std::min<std::uint64_t>(position, std::numeric_limits<std::int32_t>::max()));
  EntryBytes bytes;
  OTTLA_TRY(const std::int64_t found, find_entry(file_, 4, target, bytes));
  return found < 0 ? OffsetPosition{base_offset_, 0} : decode(bytes, base_offset_);
}

Result<std::optional<OffsetPosition>> OffsetIndex::first_at_or_after_position(
    std::uint64_t position) const {
  if (position == 0) return std::nullopt;
  const auto target = static_cast<std::int32_t>(
      std::min<std::uint64_t>(position - 1, std::numeric_limits<std::int32_t>::max()));
  EntryBytes bytes;
  OTTLA_TRY(const std::int64_t below, find_entry(file_, 4, target, bytes));
  if (below + 1 >= std::int64_t{file_.count()}) return std::nullopt;
  return entry(static_cast<std::uint32_t>(below + 1));
}

std::optional<OffsetPosition> OffsetIndex::first_behind(ByteView index, Offset base_offset,
                                                        std::uint64_t position) {
  EntryBytes bytes;
  for (; index.size() >= bytes.size(); index = index.subspan(bytes.size())) {
    std::copy_n(index.begin(), bytes.size(), bytes.begin());
    const OffsetPosition found = decode(bytes, base_offset);
    if (found.position > position) return found;
  }
  return std::nullopt;
}

Result<OffsetPosition> OffsetIndex::entry(std::uint32_t number) const {
  OTTLA_TRY(const auto file, file_.open_for_reading());
  EntryBytes bytes;
  OTTLA_TRY(const std::size_t got, file->read_at(bytes, std::uint64_t{number} * kEntrySize));
  if (got != kEntrySize) return fail(ErrorCode::CorruptMessage, "offset index is too short");
  return decode(bytes, base_offset_);
}

}  // namespace ottla::storage
