#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/storage/batch_scanner.h"
#include "broker/storage/log_config.h"
#include "broker/storage/offset_index.h"
#include "broker/storage/segment_place.h"
#include "broker/storage/time_index.h"
#include "broker/storage/transaction_index.h"
#include "common/env/clock.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// What an append adds to a segment.
struct AppendedSet {
  Offset last_offset;
  TimestampPosition largest;  ///< Of the set: timestamp, last offset of the batch holding it.
  std::uint64_t bytes = 0;
};

/// Where a batch lies in a segment.
struct BatchLocation {
  std::uint64_t position = 0;
  std::uint64_t size = 0;
  Offset base_offset;
  Offset last_offset;
};

/// One segment: N.log with its indexes. Bytes and entries are added by the log's writer; readers
/// see what lies below `size()`. Thread: writer under the log's lock; const functions from any.
class Segment {
 public:
  /// Creates the files of an empty segment.
  static Result<std::shared_ptr<Segment>> create(env::FileSystem& files,
                                                 const std::string& directory, Offset base_offset,
                                                 const LogConfig& config, env::WallTimeMs now);
  /// Opens N.log. Its indexes are to be loaded or rebuilt before use.
  static Result<std::shared_ptr<Segment>> open(env::FileSystem& files, const std::string& directory,
                                               Offset base_offset);

  // Reading.

  [[nodiscard]] Offset base_offset() const { return place_.base_offset(); }
  /// Bytes of whole batches.
  [[nodiscard]] std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  [[nodiscard]] const std::shared_ptr<env::File>& file() const { return file_; }
  /// The first batch whose last offset is at least `target`, among the bytes below `end`. Errors:
  /// CorruptMessage if that is one that cannot be read, or nobody can tell where it begins.
  /// `place`: what `cached_place` found.
  Result<std::optional<BatchLocation>> find_batch(
      Offset target, std::uint64_t end, std::optional<OffsetPosition> place = std::nullopt) const;
  /// As `find_batch`, but finds what cannot be read as well: where a cut at `target` begins. Its
  /// last offset is not known then.
  Result<std::optional<BatchLocation>> locate(Offset target) const;
  /// The end of the last batch that ends at or before `limit`, at least `from` (a batch boundary).
  Result<std::uint64_t> last_boundary(std::uint64_t from, std::uint64_t limit) const;
  /// From where `find_batch` has to look; nullopt if what it reads is not all in memory. Never
  /// blocks.
  [[nodiscard]] std::optional<OffsetPosition> cached_place(Offset target) const;
  /// Largest timestamp; -1 if no record has one.
  [[nodiscard]] std::int64_t largest_timestamp() const {
    return largest_timestamp_.load(std::memory_order_acquire);
  }
  /// When the log file was last written.
  [[nodiscard]] Result<env::WallTimeMs> modified_ms() const;
  /// Largest timestamp, or the file's modification time where no record has one.
  [[nodiscard]] Result<std::int64_t> retention_timestamp() const;

  [[nodiscard]] const OffsetIndex& offset_index() const { return offset_index_; }
  [[nodiscard]] const TimeIndex& time_index() const { return time_index_; }
  [[nodiscard]] const TransactionIndex& transaction_index() const { return transaction_index_; }

  // Writing.

  /// Takes the index files as they are; false if they must be rebuilt.
  Result<bool> load_indexes();
  Result<> reset_indexes();
  /// Finds the largest timestamp again, which may be behind the last time index entry.
  Result<> complete_time_index();
  /// Empties the indexes, before a rebuild by `add_recovered`; nothing can be looked up until
  /// `end_recovery`.
  Result<> begin_recovery();
  /// Makes index entries for a batch that a recovery has read.
  Result<> add_recovered(const BatchAt& at, std::int32_t index_interval_bytes);
  /// Cuts the log file to `size` after a scan; `next` is the offset behind the last batch.
  Result<> end_recovery(std::uint64_t size);
  /// Prepares an opened segment for appends: index files at full size.
  Result<> activate(const LogConfig& config);

  /// Whether the set has to go to a new segment (size, time by records, full index, offset range).
  [[nodiscard]] bool must_roll(const AppendedSet& set, const LogConfig& config,
                               std::chrono::milliseconds jitter, env::WallTimeMs now) const;
  /// One write of all pieces at the end, then the index entry if one is due. A write that fails is
  /// cut away again; the error says if that failed too.
  Result<> append(std::span<const ByteView> pieces, const AppendedSet& set,
                  std::int32_t index_interval_bytes);
  Result<> append_aborted(const AbortedRange& aborted);
  /// Takes back `append_aborted` for markers at or above `offset`.
  Result<> truncate_aborted(Offset offset);
  /// No more appends: last time index entry, files cut to size.
  Result<> seal();
  /// Drops what is at or above `offset`. Returns the new size.
  Result<std::uint64_t> truncate_to(Offset offset);
  /// Syncs log and indexes.
  Result<> sync();
  /// Renames the files to *.deleted; returns the new paths, to be removed later. Lookups by those
  /// who hold the segment go on. A successor with the same base offset keeps the snapshot.
  Result<std::vector<std::string>> mark_deleted(bool with_snapshot = true);
  /// The directory was renamed.
  void set_directory(const std::string& directory) { place_.set_directory(directory); }

 private:
  Segment(env::FileSystem& files, const std::string& directory, Offset base_offset,
          std::shared_ptr<env::File> file);
  struct Sought {
    BatchLocation location;
    bool is_readable = true;
  };
  [[nodiscard]] Result<std::optional<Sought>> seek(OffsetPosition from, Offset target,
                                                   std::uint64_t end) const;
  [[nodiscard]] Result<std::optional<Sought>> seek_from(std::uint64_t position, Offset target,
                                                        std::uint64_t end) const;
  void take_largest(TimestampPosition candidate);
  Result<> load_first_timestamp();
  Result<> undo_append(Error cause);

  env::FileSystem& files_;
  SegmentPlace place_;
  const std::shared_ptr<env::File> file_;
  std::atomic<std::uint64_t> size_ = 0;
  std::atomic<std::int64_t> largest_timestamp_ = -1;
  Offset offset_of_largest_;
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  TransactionIndex transaction_index_;
  std::uint64_t bytes_since_entry_ = 0;
  std::uint64_t recovered_entry_at_ = 0;
  env::WallTimeMs created_ = 0;
  std::optional<std::int64_t> first_timestamp_;  ///< Of the first batch; time based rolls.
};

}  // namespace ottla::storage
