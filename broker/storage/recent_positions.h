#pragma once

#include <array>
#include <cstdint>
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
    count_ = 0;
    push_locked(end);
  }
  void push(LogPosition end) OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    push_locked(end);
  }
  [[nodiscard]] LogPosition last() const OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return ring_[(count_ - 1) % kKept];
  }
  [[nodiscard]] std::optional<LogPosition> find(Offset offset) const OTTLA_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const std::uint64_t oldest = count_ > kKept ? count_ - kKept : 0;
    for (std::uint64_t i = count_; i > oldest; --i) {
      const LogPosition& candidate = ring_[(i - 1) % kKept];
      if (candidate.offset == offset) return candidate;
      if (candidate.offset < offset) break;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kKept = 32;

  void push_locked(LogPosition end) OTTLA_REQUIRES(mutex_) { ring_[count_++ % kKept] = end; }

  mutable Mutex mutex_{LockRank::Leaf};
  std::array<LogPosition, kKept> ring_ OTTLA_GUARDED_BY(mutex_);
  std::uint64_t count_ OTTLA_GUARDED_BY(mutex_) = 0;
};

}  // namespace ottla::storage
