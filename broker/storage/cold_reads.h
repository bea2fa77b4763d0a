#pragma once

#include <absl/functional/any_invocable.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/storage/log_types.h"
#include "common/base/mutex.h"
#include "common/env/executor.h"

namespace ottla::storage {

/// Reads what the page cache does not hold, in such a way that a reader of old data costs those at
/// the ends of the logs nothing (N14):
///
/// - Never on a network loop, and on a part of the I/O pool only.
/// - Readers have turns, a step each: one that asks for much holds up nobody who asks for little.
/// - What was brought into the page cache is let go of again, the oldest first, as soon as there is
///   more than `cached_bytes` of it. Pages that were there before are never touched.
/// - Who reads on from where it was finds the next pages read ahead, as far as a budget of all
///   readers goes.
///
/// Thread: any (mutex_, LockRank::Leaf); `bring` and steps run on the I/O pool.
class ColdReads : public std::enable_shared_from_this<ColdReads> {
 public:
  struct Limits {
    std::size_t steps_at_once = 4;
    std::uint64_t step_bytes = 256 << 10;
    /// What cold reads may hold of the page cache, all together.
    std::uint64_t cached_bytes = 64 << 20;
    /// What was read ahead and is not yet asked for: all together, and for each reader's next read.
    std::uint64_t ahead_bytes = 16 << 20;
    std::uint64_t ahead_of_one_bytes = 1 << 20;
  };
  /// A step of a reader's work, which may block; true: there is more to do.
  using Step = absl::AnyInvocable<bool()>;

  ColdReads(env::Executor& io, Limits limits) : io_(io), limits_(limits) {}
  explicit ColdReads(env::Executor& io) : ColdReads(io, Limits{}) {}

  /// Runs `step` in the turns of `reader` until it returns false.
  void post(std::string_view reader, Step step) OTTLA_EXCLUDES(mutex_);
  /// Brings the slice's first bytes, at most `step_bytes`, into the page cache; returns how many.
  /// 0: there is nothing to read, or it failed, which the read that follows reports.
  std::uint64_t bring(const FileSlice& slice) OTTLA_EXCLUDES(mutex_);
  /// Whether the slice, which is in the page cache, is there because it was read ahead.
  bool take_ahead(const FileSlice& slice) OTTLA_EXCLUDES(mutex_);
  /// `reader` has got the slice by a cold read, or by `take_ahead`: reads what follows it.
  void read_ahead(std::string_view reader, const FileSlice& slice) OTTLA_EXCLUDES(mutex_);

  /// Drops what is queued; later posts are dropped too.
  void stop() OTTLA_EXCLUDES(mutex_);

  /// Since the start: read from the disk, and let go of again.
  [[nodiscard]] std::int64_t bytes_read() const { return bytes_read_.load(); }
  [[nodiscard]] std::int64_t bytes_dropped() const { return bytes_dropped_.load(); }
  /// Readers with work that waits for its turn.
  [[nodiscard]] std::int64_t readers_waiting() const OTTLA_EXCLUDES(mutex_);

 private:
  struct Lane {
    std::string reader;
    std::deque<Step> steps;
  };
  /// A range that a cold read brought into the page cache.
  struct Brought {
    std::weak_ptr<env::File> file;
    const env::File* identity = nullptr;
    std::uint64_t position = 0;
    std::uint64_t length = 0;
    bool is_ahead = false;
  };

  void take_turn() OTTLA_EXCLUDES(mutex_);
  /// How many more steps may be posted; they count as running.
  [[nodiscard]] std::size_t turns_to_start() OTTLA_REQUIRES(mutex_);
  void start_turns(std::size_t turns) OTTLA_EXCLUDES(mutex_);
  [[nodiscard]] Lane& lane_of(std::string_view reader) OTTLA_REQUIRES(mutex_);
  std::uint64_t bring(const FileSlice& slice, bool is_ahead) OTTLA_EXCLUDES(mutex_);
  void note_brought(const FileSlice& slice, bool is_ahead) OTTLA_EXCLUDES(mutex_);

  env::Executor& io_;
  const Limits limits_;
  mutable Mutex mutex_{LockRank::Leaf};
  std::deque<Lane> lanes_ OTTLA_GUARDED_BY(mutex_);  ///< The next turn is the first one's.
  std::size_t running_ OTTLA_GUARDED_BY(mutex_) = 0;
  bool is_stopped_ OTTLA_GUARDED_BY(mutex_) = false;
  std::deque<Brought> brought_ OTTLA_GUARDED_BY(mutex_);  ///< The oldest first.
  std::uint64_t brought_bytes_ OTTLA_GUARDED_BY(mutex_) = 0;
  /// Changed under the mutex; read without it where mostly nothing is read ahead.
  std::atomic<std::uint64_t> ahead_bytes_ = 0;
  std::atomic<std::int64_t> bytes_read_ = 0;
  std::atomic<std::int64_t> bytes_dropped_ = 0;
};

}  // namespace ottla::storage
