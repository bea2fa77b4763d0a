#include <glog/logging.h>

#include <algorithm>

#include "broker/storage/file_names.h"
#include "broker/storage/log.h"

namespace ottla::storage {
namespace {

/// Renames N.suffix.from to N.suffix.to; true if it was there.
Result<bool> rename_if_there(env::FileSystem& files, const std::string& path, std::string_view from,
                             std::string_view to) {
  const std::string source = path + std::string(from);
  OTTLA_TRY(const bool exists, files.exists(source));
  if (!exists) return false;
  OTTLA_TRY_VOID(files.rename(source, path + std::string(to)));
  return true;
}

}  // namespace

/// Each step is on the disk before the next begins; `Log::finish_swaps` knows from the names that a
/// crash leaves whether the old segments or the new one counts.
Result<> Log::swap_files(const SegmentList& old, const std::string& directory) {
  env::FileSystem& files = environment_->files;
  const Offset base = old.front()->base_offset();
  const auto path = [&](std::string_view suffix) { return segment_path(directory, base, suffix); };
  for (const std::string_view suffix : {kIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
    OTTLA_TRY_VOID(rename_if_there(files, path(suffix), kCleanedSuffix, kSwapSuffix));
  }
  OTTLA_TRY_VOID(files.sync_directory(directory));
  // From here on the new segment counts.
  OTTLA_TRY_VOID(rename_if_there(files, path(kLogSuffix), kCleanedSuffix, kSwapSuffix));
  OTTLA_TRY_VOID(files.sync_directory(directory));
  for (const std::shared_ptr<Segment>& segment : old) {
    OTTLA_TRY(auto paths, segment->mark_deleted(/*with_snapshot=*/segment != old.front()));
    environment_->deletions.schedule(std::move(paths), config()->file_delete_delay);
  }
  OTTLA_TRY_VOID(files.sync_directory(directory));
  // The offset index first, alone: with it gone, what has its name at the end is new.
  OTTLA_TRY_VOID(rename_if_there(files, path(kIndexSuffix), kSwapSuffix, ""));
  OTTLA_TRY_VOID(files.sync_directory(directory));
  OTTLA_TRY_VOID(rename_if_there(files, path(kTimeIndexSuffix), kSwapSuffix, ""));
  OTTLA_TRY_VOID(rename_if_there(files, path(kTransactionIndexSuffix), kSwapSuffix, ""));
  OTTLA_TRY_VOID(files.sync_directory(directory));
  OTTLA_TRY_VOID(rename_if_there(files, path(kLogSuffix), kSwapSuffix, ""));
  return files.sync_directory(directory);
}

Result<bool> Log::replace_segments(std::span<const SegmentToReplace> old) {
  MutexLock flush_lock(flush_mutex_);
  std::string directory;
  SegmentList replaced;
  {
    MutexLock lock(mutex_);
    OTTLA_TRY_VOID(check_usable());
    if (compaction_held()) return false;
    directory = directory_;
    const SharedSegmentList list = segments();
    const auto first = std::find(list->begin(), list->end(), old.front().segment);
    // Retention or a cut was faster; the active segment is never replaced.
    if (std::distance(first, list->end()) <= static_cast<std::ptrdiff_t>(old.size())) return false;
    for (std::size_t i = 0; i < old.size(); ++i) {
      const std::shared_ptr<Segment>& segment = *(first + static_cast<std::ptrdiff_t>(i));
      if (segment != old[i].segment || segment->size() != old[i].bytes) return false;
      replaced.push_back(segment);
    }
  }
  const auto swapped = [&]() -> Result<std::shared_ptr<Segment>> {
    OTTLA_TRY_VOID(swap_files(replaced, directory));
    OTTLA_TRY(auto opened,
              Segment::open(environment_->files, directory, replaced.front()->base_offset()));
    OTTLA_TRY(const bool good, opened->load_indexes());
    if (!good) return fail(ErrorCode::KafkaStorageError, directory + ": bad index after cleaning");
    return opened;
  };
  OTTLA_TRY(const std::shared_ptr<Segment> replacement, environment_->health.check(swapped()));
  MutexLock lock(mutex_);
  SegmentList list = *segments();
  const auto first = std::find(list.begin(), list.end(), replaced.front());
  CHECK(first != list.end()) << "only holders of the flush lock remove segments";
  *first = replacement;
  list.erase(first + 1, first + static_cast<std::ptrdiff_t>(replaced.size()));
  // Before the list: known positions are those of the old segments.
  recent_.reset(recent_.last());
  publish(std::move(list));
  return true;
}

void Log::hold_compaction(bool held) {
  MutexLock flush_lock(flush_mutex_);
  compaction_held_.store(held, std::memory_order_release);
}

std::vector<std::shared_ptr<Segment>> Log::all_segments() const {
  return *segments();
}

Error Log::report(Error cause) {
  MutexLock lock(mutex_);
  // The directory of a closed log has another name by now, or none.
  if (closed_) return cause;
  return environment_->health.report(std::move(cause));
}

}  // namespace ottla::storage
