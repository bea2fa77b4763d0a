#include "broker/storage/cold_reads.h"

#include <algorithm>
#include <utility>

namespace ottla::storage {
namespace {

constexpr std::uint64_t kScratchBytes = 64 << 10;
/// The kernel lets go of whole pages only: a range begins with the page that the one before it ends
/// in, and which that one had to leave.
constexpr std::uint64_t kPage = 4096;

/// Reads the range, so that it is in the page cache. Returns how much of it there was.
std::uint64_t read_through(const FileSlice& slice) {
  // Exactly this range: the read-ahead of the kernel would bring pages that nobody lets go of.
  slice.file->start_reading(slice.position, slice.length);
  Buffer scratch(std::min(slice.length, kScratchBytes));
  std::uint64_t done = 0;
  while (done < slice.length) {
    const std::uint64_t most = std::min<std::uint64_t>(scratch.size(), slice.length - done);
    const auto got = slice.file->read_at(scratch.bytes().first(most), slice.position + done);
    if (!got || *got == 0) break;
    done += *got;
  }
  return done;
}

}  // namespace

void ColdReads::post(std::string_view reader, Step step) {
  std::size_t turns = 0;
  {
    MutexLock lock(mutex_);
    if (is_stopped_) return;
    lane_of(reader).steps.push_back(std::move(step));
    turns = turns_to_start();
  }
  start_turns(turns);
}

ColdReads::Lane& ColdReads::lane_of(std::string_view reader) {
  for (Lane& lane : lanes_) {
    if (lane.reader == reader) return lane;
  }
  return lanes_.emplace_back(Lane{std::string(reader), {}});
}

std::size_t ColdReads::turns_to_start() {
  std::size_t waiting = 0;
  for (const Lane& lane : lanes_) waiting += lane.steps.size();
  const std::size_t turns = std::min(limits_.steps_at_once - running_, waiting);
  running_ += turns;
  return turns;
}

void ColdReads::start_turns(std::size_t turns) {
  for (; turns > 0; --turns) io_.post([self = shared_from_this()] { self->take_turn(); });
}

/// One step of the reader whose turn it is; then it stands behind all others.
void ColdReads::take_turn() {
  std::string reader;
  Step step;
  {
    MutexLock lock(mutex_);
    if (lanes_.empty()) {
      --running_;
      return;
    }
    Lane lane = std::move(lanes_.front());
    lanes_.pop_front();
    reader = lane.reader;
    step = std::move(lane.steps.front());
    lane.steps.pop_front();
    if (!lane.steps.empty()) lanes_.push_back(std::move(lane));
  }
  const bool has_more = step();
  if (!has_more) step = nullptr;  // frees what it holds, outside the lock
  std::size_t turns = 0;
  {
    MutexLock lock(mutex_);
    --running_;
    if (!is_stopped_) {
      if (has_more) lane_of(reader).steps.push_front(std::move(step));
      turns = turns_to_start();
    }
  }
  start_turns(turns);
}

std::uint64_t ColdReads::bring(const FileSlice& slice) {
  return bring(slice, /*is_ahead=*/false);
}

std::uint64_t ColdReads::bring(const FileSlice& slice, bool is_ahead) {
  FileSlice step{slice.file, slice.position, std::min(slice.length, limits_.step_bytes)};
  if (step.is_cached()) {
    if (!is_ahead) take_ahead(step);
    return step.length;
  }
  step.length = read_through(step);
  if (step.length > 0) note_brought(step, is_ahead);
  return step.length;
}

void ColdReads::note_brought(const FileSlice& slice, bool is_ahead) {
  std::vector<Brought> to_drop;
  {
    MutexLock lock(mutex_);
    bytes_read_ += static_cast<std::int64_t>(slice.length);
    brought_.push_back({slice.file, slice.file.get(), slice.position, slice.length, is_ahead});
    brought_bytes_ += slice.length;
    if (is_ahead) ahead_bytes_ += slice.length;
    while (brought_bytes_ > limits_.cached_bytes) {
      Brought& oldest = brought_.front();
      brought_bytes_ -= oldest.length;
      if (oldest.is_ahead) ahead_bytes_ -= oldest.length;
      to_drop.push_back(std::move(oldest));
      brought_.pop_front();
    }
  }
  for (const Brought& old : to_drop) {
    bytes_dropped_ += static_cast<std::int64_t>(old.length);
    const std::shared_ptr<env::File> file = old.file.lock();
    if (!file) continue;  // deleted, and its pages with it
    const std::uint64_t begin = old.position / kPage * kPage;
    file->drop_cache(begin, old.position + old.length - begin);
  }
}

bool ColdReads::take_ahead(const FileSlice& slice) {
  if (ahead_bytes_.load(std::memory_order_relaxed) == 0) return false;
  bool was_ahead = false;
  MutexLock lock(mutex_);
  for (Brought& range : brought_) {
    if (!range.is_ahead || range.identity != slice.file.get() ||
        range.position >= slice.position + slice.length ||
        range.position + range.length <= slice.position) {
      continue;
    }
    range.is_ahead = false;
    ahead_bytes_ -= range.length;
    was_ahead = true;
  }
  return was_ahead;
}

void ColdReads::read_ahead(std::string_view reader, const FileSlice& slice) {
  if (slice.length == 0) return;
  FileSlice next{slice.file, slice.position + slice.length,
                 std::min(slice.length, limits_.ahead_of_one_bytes)};
  if (ahead_bytes_.load(std::memory_order_relaxed) + next.length > limits_.ahead_bytes) return;
  post(reader, [self = shared_from_this(), next]() mutable {
    const std::uint64_t done = self->bring(next, /*is_ahead=*/true);
    next.position += done;
    next.length -= done;
    return done > 0 && next.length > 0;
  });
}

void ColdReads::stop() {
  std::deque<Lane> dropped;  // freed outside the lock
  MutexLock lock(mutex_);
  is_stopped_ = true;
  dropped.swap(lanes_);
  lock.unlock();
  dropped.clear();
  lock.lock();
}

std::int64_t ColdReads::readers_waiting() const {
  MutexLock lock(mutex_);
  return static_cast<std::int64_t>(lanes_.size());
}

}  // namespace ottla::storage
