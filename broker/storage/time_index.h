#pragma once

#include "broker/storage/index_file.h"
#include "common/base/id.h"

namespace ottla::storage {

/// The largest timestamp up to some batch, and the last offset of the batch that holds it.
struct TimestampPosition {
  std::int64_t timestamp = -1;
  Offset offset;
  friend bool operator==(const TimestampPosition&, const TimestampPosition&) = default;
};

/// N.timeindex: (largest timestamp so far, offset - base), both rising. A closed segment ends with
/// its largest timestamp; one slot is always left for that entry.
/// Thread: one writer (the log's lock), any readers.
class TimeIndex {
 public:
  /// `place` outlives it.
  TimeIndex(env::FileSystem& files, const SegmentPlace& place);

  /// Takes what the file holds; false if it must be rebuilt.
  Result<bool> load();
  /// Adds the entry if its timestamp is larger than the last one's.
  Result<> append_if_larger(TimestampPosition entry);
  /// Drops entries at or above `offset`.
  Result<> truncate_to(Offset offset);

  /// The greatest entry whose timestamp is <= `timestamp`; (-1, base offset) if there is none.
  Result<TimestampPosition> lookup(std::int64_t timestamp) const;
  /// The last entry; (-1, base offset) if there is none.
  [[nodiscard]] TimestampPosition last() const { return last_; }

  [[nodiscard]] bool is_full() const { return file_.count() + 1 >= file_.capacity(); }
  [[nodiscard]] IndexFile& file() { return file_; }
  [[nodiscard]] const IndexFile& file() const { return file_; }
  void clear_last() { last_ = {-1, base_offset_}; }

 private:
  Result<> load_last();

  const Offset base_offset_;
  IndexFile file_;
  TimestampPosition last_;  // the writer's
};

}  // namespace ottla::storage
