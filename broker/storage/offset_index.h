#pragma once

#include <optional>

#include "broker/storage/index_file.h"
#include "common/base/bytes.h"
#include "common/base/id.h"

namespace ottla::storage {

/// Where in a segment's log file a batch begins.
struct OffsetPosition {
  Offset offset;
  std::uint64_t position = 0;
  friend bool operator==(const OffsetPosition&, const OffsetPosition&) = default;
};

/// N.index: for some appends (last offset - base, position where the append begins), rising. The
/// batch at the position of the greatest entry <= X begins at or before X: scan on from there.
/// Thread: one writer (the log's lock), any readers.
class OffsetIndex {
 public:
  /// `place` outlives it.
  OffsetIndex(env::FileSystem& files, const SegmentPlace& place);

  /// Takes what the file holds; false if it must be rebuilt. `log_size` bounds the positions.
  Result<bool> load(std::uint64_t log_size);
  /// Errors: a full index takes no more (KafkaStorageError); `is_full` tells before.
  Result<> append(Offset last_offset, std::uint64_t position);
  /// The same while the index is rebuilt: not yet open for appends, and of any length.
  Result<> append_recovered(Offset last_offset, std::uint64_t position);
  /// Drops entries at or above `offset`.
  Result<> truncate_to(Offset offset);

  /// The greatest entry <= target; the segment's beginning if there is none.
  Result<OffsetPosition> lookup(Offset target) const;
  /// The same, and never blocks: nullopt if what it has to read is not in memory.
  Result<std::optional<OffsetPosition>> cached_lookup(Offset target) const;
  /// The greatest entry whose position is <= `position`; the beginning if there is none.
  Result<OffsetPosition> lookup_position(std::uint64_t position) const;

  /// The smallest entry whose position is >= `position`.
  Result<std::optional<OffsetPosition>> first_at_or_after_position(std::uint64_t position) const;
  /// In an index file's bytes, the first entry with a position above `position`.
  [[nodiscard]] static std::optional<OffsetPosition> first_behind(ByteView index,
                                                                  Offset base_offset,
                                                                  std::uint64_t position);

  [[nodiscard]] bool is_full() const { return file_.count() >= file_.capacity(); }
  [[nodiscard]] IndexFile& file() { return file_; }
  [[nodiscard]] const IndexFile& file() const { return file_; }

 private:
  Result<OffsetPosition> entry(std::uint32_t number) const;
  [[nodiscard]] std::int32_t relative(Offset target) const;

  const Offset base_offset_;
  IndexFile file_;
};

}  // namespace ottla::storage
