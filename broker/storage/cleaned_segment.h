#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/storage/damaged_batch.h"
#include "broker/storage/transaction_index.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/file_system.h"
#include "common/record/record_batch.h"

namespace ottla::storage {

/// Writes the files of a compacted segment, N.log.cleaned and its indexes. Until
/// `Log::replace_segments` gives them their names nobody reads them, and a restart removes them.
/// Thread: one.
class CleanedSegment {
 public:
  /// Empties what an earlier attempt left.
  /// Writes in pieces of about `buffer_bytes`.
  static Result<std::unique_ptr<CleanedSegment>> create(env::FileSystem& files,
                                                        std::string directory, Offset base_offset,
                                                        std::int32_t index_interval_bytes,
                                                        std::size_t buffer_bytes);

  Result<> append(const record::RecordBatchView& batch);
  /// As it stands in `source`, without an index entry of its own: what its header says cannot be
  /// believed. `timestamp` is as large as any in its segment.
  Result<> append_damaged(const env::File& source, const DamagedBatch& batch,
                          std::int64_t timestamp);
  void add_aborted(const AbortedRange& aborted);
  /// Writes what is left and the indexes, syncs all files, and gives the log file the age of the
  /// segments that it replaces.
  Result<> finish(env::WallTimeMs modified);
  /// Removes the files.
  void discard();

  [[nodiscard]] Offset base_offset() const { return base_offset_; }
  [[nodiscard]] std::uint64_t size() const { return position_; }

 private:
  CleanedSegment(env::FileSystem& files, std::string directory, Offset base_offset,
                 std::int32_t index_interval_bytes, std::size_t buffer_bytes);
  [[nodiscard]] std::string path(std::string_view suffix) const;
  Result<> write_out();
  Result<> write_index(std::string_view suffix, const std::vector<std::byte>& bytes);
  void add_time_entry();

  env::FileSystem& files_;
  const std::string directory_;
  const Offset base_offset_;
  const std::uint64_t index_interval_bytes_;
  const std::size_t buffer_bytes_;
  std::shared_ptr<env::File> file_;
  std::vector<std::byte> buffer_;
  std::uint64_t written_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t since_entry_ = 0;
  std::int64_t largest_timestamp_ = -1;
  Offset offset_of_largest_;
  std::int64_t last_time_entry_ = -1;
  /// For a time index that would be empty otherwise, which would count as lost.
  std::optional<std::pair<std::int64_t, Offset>> damaged_entry_;
  std::vector<std::byte> offset_index_;
  std::vector<std::byte> time_index_;
  std::vector<std::byte> transaction_index_;
};

}  // namespace ottla::storage
