#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "broker/storage/index_file.h"
#include "broker/storage/log_types.h"
#include "common/base/id.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// A transaction whose abort marker lies in a segment.
struct AbortedRange {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;         ///< Of the marker.
  Offset last_stable_offset;  ///< When the marker was appended.
  friend bool operator==(const AbortedRange&, const AbortedRange&) = default;
};

/// N.txnindex: the aborted transactions that end in a segment, in the order of their markers. The
/// file comes into being with the first entry.
/// Thread: one writer (the log's lock), any readers.
class TransactionIndex {
 public:
  /// `place` outlives it.
  TransactionIndex(env::FileSystem& files, const SegmentPlace& place);

  /// Takes what the file holds, if there is one; false if it must be rebuilt.
  Result<bool> load(Offset base_offset);
  Result<> append(const AbortedRange& aborted);
  /// Drops aborts whose marker is at or above `offset`.
  Result<> truncate_to(Offset offset);
  /// Removes the file.
  Result<> clear();

  /// Adds the aborts that a reader of [begin, end) must know; true if the segments behind cannot
  /// hold any more of them.
  Result<bool> collect(Offset begin, Offset end, std::vector<AbortedTransaction>& into) const;

  Result<std::vector<AbortedRange>> entries() const;
  [[nodiscard]] bool empty() const { return file_.count() == 0; }
  [[nodiscard]] IndexFile& file() { return file_; }

  /// The bytes of one entry.
  static constexpr std::size_t kEntrySize = 34;
  [[nodiscard]] static std::array<std::byte, kEntrySize> encode(const AbortedRange& aborted);

 private:
  env::FileSystem& files_;
  IndexFile file_;
};

}  // namespace ottla::storage
