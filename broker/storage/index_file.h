#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/storage/segment_place.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// A file of entries of one size. While its segment is active the file is open and preallocated to
/// its full size, as Kafka has it; afterwards it is cut to its entries, and opened only for lookups
/// (a broker has far more closed segments than descriptors to spare).
/// Thread: one writer (the log's lock), any readers.
class IndexFile {
 public:
  /// `place` outlives it; `suffix` is a literal.
  IndexFile(env::FileSystem& files, const SegmentPlace& place, std::string_view suffix,
            std::uint32_t entry_size)
      : files_(files), place_(place), suffix_(suffix), entry_size_(entry_size) {}

  /// Creates the file or empties it.
  Result<> reset();
  /// Takes the entries that the file has. False if its size cannot be (not a multiple of an entry).
  /// Errors: NotFound too.
  Result<bool> load();
  /// Opens the file for appending, preallocated to `max_bytes` rounded down to whole entries.
  Result<> activate(std::uint32_t max_bytes);
  /// Cuts the file to its entries and closes it.
  Result<> deactivate();

  Result<> append(ByteView entry);
  /// From here on entries wait in memory, for `end_gathering` to write all of them at once: what
  /// rebuilds an index makes no system call for each. Nothing is to be looked up meanwhile.
  void begin_gathering() { gathered_ = std::make_unique<std::vector<std::byte>>(); }
  Result<> end_gathering();
  /// Drops the entries from `count` on.
  Result<> truncate(std::uint32_t count);
  Result<> sync();

  [[nodiscard]] std::uint32_t count() const { return count_.load(std::memory_order_acquire); }
  /// Entries that fit an active file.
  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }
  [[nodiscard]] std::uint32_t entry_size() const { return entry_size_; }
  [[nodiscard]] std::string path() const OTTLA_EXCLUDES(place_.mutex);
  /// It was renamed to its name with ".deleted" behind it.
  void mark_deleted() { is_deleted_.store(true, std::memory_order_release); }

  /// The file for one lookup.
  Result<std::shared_ptr<env::File>> open_for_reading() const OTTLA_EXCLUDES(place_.mutex);

 private:
  [[nodiscard]] std::shared_ptr<env::File> active_file() const OTTLA_EXCLUDES(place_.mutex);
  Result<std::shared_ptr<env::File>> open_for_writing() const;
  Result<std::uint32_t> used_entries(const env::File& file, std::uint32_t count) const;

  env::FileSystem& files_;
  const SegmentPlace& place_;
  const std::string_view suffix_;
  const std::uint32_t entry_size_;
  std::atomic<std::uint32_t> count_ = 0;
  std::uint32_t capacity_ = 0;
  std::atomic<bool> is_deleted_ = false;
  std::unique_ptr<std::vector<std::byte>> gathered_;  ///< Null unless entries are gathered.
  std::shared_ptr<env::File> file_ OTTLA_GUARDED_BY(place_.mutex);
};

/// Binary search over the entries of an index: the greatest entry whose key (the big-endian integer
/// of type `Key` at `key_at`) is at most `target`. Copies it to `entry` and returns its number, or
/// -1 if all keys are greater.
template <class Key>
Result<std::int64_t> find_entry(const IndexFile& index, std::size_t key_at, Key target,
                                MutableByteView entry);
/// The same, and never blocks: nullopt if what it has to read is not in memory.
template <class Key>
Result<std::optional<std::int64_t>> find_cached_entry(const IndexFile& index, std::size_t key_at,
                                                      Key target, MutableByteView entry);

}  // namespace ottla::storage
