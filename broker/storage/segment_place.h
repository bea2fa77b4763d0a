#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "broker/storage/file_names.h"
#include "common/base/mutex.h"

namespace ottla::storage {

/// Where the files of a segment lie, once for all of them: there are as many segments as
/// partitions. Thread: any.
class SegmentPlace {
 public:
  SegmentPlace(std::string directory, Offset base_offset)
      : base_offset_(base_offset), directory_(std::move(directory)) {}

  [[nodiscard]] Offset base_offset() const { return base_offset_; }
  [[nodiscard]] std::string path(std::string_view suffix) const OTTLA_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    return segment_path(directory_, base_offset_, suffix);
  }
  /// The directory was renamed.
  void set_directory(std::string directory) OTTLA_EXCLUDES(mutex) {
    MutexLock lock(mutex);
    directory_ = std::move(directory);
  }

  /// Also of what the files keep beside it.
  mutable Mutex mutex{LockRank::Leaf};

 private:
  const Offset base_offset_;
  std::string directory_ OTTLA_GUARDED_BY(mutex);
};

}  // namespace ottla::storage
