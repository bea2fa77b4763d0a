#include "broker/storage/index_file.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ottla::storage {
namespace {

/// Below this many entries one read is cheaper than more steps of a search.
constexpr std::uint32_t kEntriesPerRead = 128;
constexpr std::size_t kMaxEntrySize = 34;

Result<> read_exactly(const env::File& file, MutableByteView into, std::uint64_t position) {
  OTTLA_TRY(const std::size_t got, file.read_at(into, position));
  // The file was cut under a reader; its writer would know.
  if (got != into.size()) return fail(ErrorCode::CorruptMessage, "index file is too short");
  return {};
}

}  // namespace

Result<std::shared_ptr<env::File>> IndexFile::open_for_writing() const {
  return files_.open(path(), env::OpenMode::CreateOrOpen);
}

Result<> IndexFile::reset() {
  OTTLA_TRY(const auto file, open_for_writing());
  OTTLA_TRY_VOID(file->truncate(0));
  count_.store(0, std::memory_order_release);
  return {};
}

Result<bool> IndexFile::load() {
  OTTLA_TRY(const auto file, files_.open(path(), env::OpenMode::Read));
  OTTLA_TRY(const std::uint64_t size, file->size());
  if (size % entry_size_ != 0 || size / entry_size_ > UINT32_MAX) return false;
  OTTLA_TRY(const std::uint32_t used,
            used_entries(*file, static_cast<std::uint32_t>(size / entry_size_)));
  count_.store(used, std::memory_order_release);
  return true;
}

/// The entries before the zeros of a file that was preallocated and not cut. No entry is all zero.
Result<std::uint32_t> IndexFile::used_entries(const env::File& file, std::uint32_t count) const {
  const auto is_used = [&](std::uint32_t number) -> Result<bool> {
    std::array<std::byte, kMaxEntrySize> entry;
    const MutableByteView bytes(entry.data(), entry_size_);
    OTTLA_TRY_VOID(read_exactly(file, bytes, std::uint64_t{number} * entry_size_));
    return std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; });
  };
  std::uint32_t low = 0;  // entries known to be used
  std::uint32_t high = count;
  while (low < high) {
    // The last one first: nearly always it is used.
    const std::uint32_t probe = high == count ? count - 1 : low + (high - low) / 2;
    OTTLA_TRY(const bool used, is_used(probe));
    if (used) {
      low = probe + 1;
    } else {
      high = probe;
    }
  }
  return low;
}

Result<> IndexFile::activate(std::uint32_t max_bytes) {
  OTTLA_TRY(auto file, open_for_writing());
  capacity_ = max_bytes / entry_size_;
  const std::uint64_t size = std::uint64_t{std::max(capacity_, count())} * entry_size_;
  OTTLA_TRY_VOID(file->truncate(size));
  MutexLock lock(place_.mutex);
  file_ = std::move(file);
  return {};
}

Result<> IndexFile::deactivate() {
  auto file = active_file();
  if (!file) return {};
  OTTLA_TRY_VOID(file->truncate(std::uint64_t{count()} * entry_size_));
  MutexLock lock(place_.mutex);
  file_ = nullptr;
  return {};
}

Result<> IndexFile::append(ByteView entry) {
  if (gathered_) {
    gathered_->insert(gathered_->end(), entry.begin(), entry.end());
    count_.store(count() + 1, std::memory_order_release);
    return {};
  }
  auto file = active_file();
  if (!file) {
    OTTLA_TRY(file, open_for_writing());
  }
  const std::uint32_t at = count();
  OTTLA_TRY_VOID(file->write_at(std::span(&entry, 1), std::uint64_t{at} * entry_size_));
  count_.store(at + 1, std::memory_order_release);
  return {};
}

Result<> IndexFile::end_gathering() {
  const auto entries = std::exchange(gathered_, nullptr);
  if (!entries || entries->empty()) return {};
  OTTLA_TRY(const auto file, open_for_writing());
  const ByteView piece = *entries;
  return file->write_at(std::span(&piece, 1),
                        std::uint64_t{count()} * entry_size_ - entries->size());
}

Result<> IndexFile::truncate(std::uint32_t count) {
  if (count >= this->count()) return {};
  count_.store(count, std::memory_order_release);
  if (active_file()) return {};  // cut when the segment closes
  OTTLA_TRY(const auto file, open_for_writing());
  return file->truncate(std::uint64_t{count} * entry_size_);
}

Result<> IndexFile::sync() {
  auto file = active_file();
  if (!file) {
    OTTLA_TRY(file, files_.open(path(), env::OpenMode::ReadWrite));
  }
  return file->sync();
}

std::string IndexFile::path() const {
  std::string path = place_.path(suffix_);
  if (is_deleted_.load(std::memory_order_acquire)) path += kDeletedSuffix;
  return path;
}

std::shared_ptr<env::File> IndexFile::active_file() const {
  MutexLock lock(place_.mutex);
  return file_;
}

Result<std::shared_ptr<env::File>> IndexFile::open_for_reading() const {
  while (true) {
    if (auto file = active_file()) return file;
    const std::string at = path();
    auto file = files_.open(at, env::OpenMode::Read);
    // Renamed meanwhile: what has the name now may be the index of the segment's successor.
    if (path() == at) return file;
  }
}

namespace {

/// As find_entry; `read` fills a range from the file and is false if it would block: then nullopt.
template <class Key, class Read>
Result<std::optional<std::int64_t>> search(const IndexFile& index, std::size_t key_at, Key target,
                                           MutableByteView entry, const Read& read) {
  const std::uint32_t count = index.count();
  if (count == 0) return -1;
  OTTLA_TRY(const auto file, index.open_for_reading());
  const std::size_t size = index.entry_size();
  std::int64_t low = -1;  // greatest entry known to be at most the target
  std::int64_t high = count;
  while (high - low > kEntriesPerRead) {
    const std::int64_t middle = low + (high - low) / 2;
    std::array<std::byte, sizeof(Key)> key;
    OTTLA_TRY(const bool is_read,
              read(*file, key, static_cast<std::uint64_t>(middle) * size + key_at));
    if (!is_read) return std::nullopt;
    (load_big_endian<Key>(key.data()) <= target ? low : high) = middle;
  }
  const std::int64_t first = std::max<std::int64_t>(low, 0);
  std::array<std::byte, (kEntriesPerRead + 1) * kMaxEntrySize> block;
  const MutableByteView entries(block.data(), static_cast<std::size_t>(high - first) * size);
  OTTLA_TRY(const bool is_read, read(*file, entries, static_cast<std::uint64_t>(first) * size));
  if (!is_read) return std::nullopt;
  std::int64_t found = -1;
  for (std::int64_t i = first; i < high; ++i) {
    const std::byte* at = entries.data() + static_cast<std::size_t>(i - first) * size;
    if (load_big_endian<Key>(at + key_at) > target) break;
    found = i;
  }
  if (found >= 0) {
    std::memcpy(entry.data(), entries.data() + static_cast<std::size_t>(found - first) * size,
                size);
  }
  return found;
}

}  // namespace

template <class Key>
Result<std::int64_t> find_entry(const IndexFile& index, std::size_t key_at, Key target,
                                MutableByteView entry) {
  OTTLA_TRY(const auto found, search(index, key_at, target, entry,
                                     [](const env::File& file, MutableByteView into,
                                        std::uint64_t position) -> Result<bool> {
                                       OTTLA_TRY_VOID(read_exactly(file, into, position));
                                       return true;
                                     }));
  return *found;
}

template <class Key>
Result<std::optional<std::int64_t>> find_cached_entry(const IndexFile& index, std::size_t key_at,
                                                      Key target, MutableByteView entry) {
  return search(
      index, key_at, target, entry,
      [](const env::File& file, MutableByteView into, std::uint64_t position) -> Result<bool> {
        OTTLA_TRY(const auto got, file.read_cached_at(into, position));
        return got && *got == into.size();
      });
}

template Result<std::int64_t> find_entry(const IndexFile&, std::size_t, std::int32_t,
                                         MutableByteView);
template Result<std::int64_t> find_entry(const IndexFile&, std::size_t, std::int64_t,
                                         MutableByteView);
template Result<std::optional<std::int64_t>> find_cached_entry(const IndexFile&, std::size_t,
                                                               std::int32_t, MutableByteView);

}  // namespace ottla::storage
