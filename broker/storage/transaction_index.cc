#include "broker/storage/transaction_index.h"

#include <array>

#include "broker/storage/file_names.h"

namespace ottla::storage {
namespace {

constexpr std::int16_t kVersion = 0;

}  // namespace

TransactionIndex::TransactionIndex(env::FileSystem& files, const SegmentPlace& place)
    : files_(files),
      file_(files, place, kTransactionIndexSuffix, static_cast<std::uint32_t>(kEntrySize)) {}

Result<bool> TransactionIndex::load(Offset base_offset) {
  OTTLA_TRY(const bool exists, files_.exists(file_.path()));
  if (!exists) return true;
  OTTLA_TRY(const bool has_whole_entries, file_.load());
  if (!has_whole_entries) return false;
  const auto entries = this->entries();
  if (!entries) return false;
  for (const AbortedRange& aborted : *entries) {
    if (aborted.last_offset < base_offset || aborted.first_offset > aborted.last_offset) {
      return false;
    }
  }
  return true;
}

std::array<std::byte, TransactionIndex::kEntrySize> TransactionIndex::encode(
    const AbortedRange& aborted) {
  std::array<std::byte, kEntrySize> bytes;
  store_big_endian(bytes.data(), kVersion);
  store_big_endian(bytes.data() + 2, aborted.producer_id.value());
  store_big_endian(bytes.data() + 10, aborted.first_offset.value());
  store_big_endian(bytes.data() + 18, aborted.last_offset.value());
  store_big_endian(bytes.data() + 26, aborted.last_stable_offset.value());
  return bytes;
}

Result<> TransactionIndex::append(const AbortedRange& aborted) {
  return file_.append(encode(aborted));
}

Result<> TransactionIndex::truncate_to(Offset offset) {
  if (empty()) return {};
  OTTLA_TRY(const auto entries, this->entries());
  std::uint32_t kept = 0;
  while (kept < entries.size() && entries[kept].last_offset < offset) ++kept;
  return file_.truncate(kept);
}

Result<> TransactionIndex::clear() {
  OTTLA_TRY_VOID(file_.truncate(0));
  OTTLA_TRY(const bool exists, files_.exists(file_.path()));
  if (!exists) return {};
  return files_.remove(file_.path());
}

Result<bool> TransactionIndex::collect(Offset begin, Offset end,
                                       std::vector<AbortedTransaction>& into) const {
  if (empty()) return false;
  OTTLA_TRY(const auto entries, this->entries());
  for (const AbortedRange& aborted : entries) {
    if (aborted.last_offset >= begin && aborted.first_offset < end) {
      into.push_back({aborted.producer_id, aborted.first_offset});
    }
    // All transactions that were open below the stable offset have their marker before this one.
    if (aborted.last_stable_offset >= end) return true;
  }
  return false;
}

Result<std::vector<AbortedRange>> TransactionIndex::entries() const {
  OTTLA_TRY(const auto file, file_.open_for_reading());
  std::vector<std::byte> bytes(std::size_t{file_.count()} * kEntrySize);
  OTTLA_TRY(const std::size_t got, file->read_at(bytes, 0));
  std::vector<AbortedRange> entries;
  for (std::size_t at = 0; at + kEntrySize <= got; at += kEntrySize) {
    const std::byte* const entry = bytes.data() + at;
    if (load_big_endian<std::int16_t>(entry) != kVersion) {
      return fail(ErrorCode::KafkaStorageError, "unknown version in " + file_.path());
    }
    entries.push_back({ProducerId(load_big_endian<std::int64_t>(entry + 2)),
                       Offset(load_big_endian<std::int64_t>(entry + 10)),
                       Offset(load_big_endian<std::int64_t>(entry + 18)),
                       Offset(load_big_endian<std::int64_t>(entry + 26))});
  }
  return entries;
}

}  // namespace ottla::storage
