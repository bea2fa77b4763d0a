#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "common/base/id.h"
#include "common/base/mutex.h"

namespace ottla::storage {

/// A batch boundary: the batch that begins with `offset` is (or will be) at `position` of the
/// segment with this base offset.
struct LogPosition {
  Offset offset;
  Offset segment_base_offset;
  std::uint64_t position = 0;
};

/// The boundaries between the last appends, so that readers at the tail find their place, and that
/// of the high watermark, without an index. The last one is the end of the log: offset and position
/// always belong together.
/// Thread: any (mutex_, LockRank::Leaf).
class RecentPositions {
 public:
  /// Starts over with `end` as the only boundary.
  void reset(LogPosition end) OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    earlier_count_ = 0;
    last_ = end;
  }
  void push(LogPosition end) OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    // Most logs of a large broker are idle: they have no ring.
    if (!earlier_) earlier_ = std::make_unique<Ring>();
    (*earlier_)[earlier_count_++ % kKept] = last_;
    last_ = end;
  }
  [[nodiscard]] LogPosition last() const OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return last_;
  }
  [[nodiscard]] std::optional<LogPosition> find(Offset offset) const OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (last_.offset == offset) return last_;
    const std::uint64_t oldest = earlier_count_ > kKept ? earlier_count_ - kKept : 0;
    for (std::uint64_t i = earlier_count_; i > oldest; --i) {
      const LogPosition& candidate = (*earlier_)[(i - 1) % kKept];
      if (candidate.offset == offset) return candidate;
      if (candidate.offset < offset) break;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kKept = 32;
  using Ring = std::array<LogPosition, kKept>;

  mutable Mutex mutex_{LockRank::Leaf};
  LogPosition last_ OTTLA_GUARDED_BY(mutex_);
  std::unique_ptr<Ring> earlier_ OTTLA_GUARDED_BY(mutex_);
  std::uint64_t earlier_count_ OTTLA_GUARDED_BY(mutex_) = 0;
};

}  // namespace ottla::storage
