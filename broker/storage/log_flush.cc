#include <glog/logging.h>

#include <algorithm>

#include "broker/storage/file_names.h"
#include "broker/storage/log.h"

namespace ottla::storage {
namespace {

/// Syncs a file that may have gone meanwhile (retention).
Result<> sync_if_there(env::FileSystem& files, const std::string& path) {
  const auto file = files.open(path, env::OpenMode::ReadWrite);
  if (file) return (*file)->sync();
  if (env::io_error_kind(file.error()) == env::IoErrorKind::NotFound) return {};
  return fail(file.error());
}

}  // namespace

Result<> Log::flush() {
  return flush_below(log_end_offset());
}

Result<> Log::flush_if_due() {
  const std::int64_t now = environment_->clock.wall_now_ms();
  if (recovery_point() >= log_end_offset()) return {};
  if (now - last_flush_ms_.load(std::memory_order_relaxed) < config()->flush_ms) return {};
  return flush();
}

Result<> Log::flush_below(Offset end) {
  MutexLock flush_lock(flush_mutex_);
  return flush_under_lock(end);
}

Result<> Log::flush_under_lock(Offset end) {
  SegmentList unsynced;
  std::uint64_t cuts = 0;
  bool sync_directory = false;
  bool sync_name = false;
  bool sync_creation = false;
  bool has_sealed = false;
  std::string directory;
  {
    MutexLock lock(mutex_);
    OTTLA_TRY_VOID(check_usable());
    end = std::min(end, log_end_offset());  // it was cut since the flush was asked for
    if (recovery_point() >= end && !epochs_dirty_ && !seal_dirty_ && !name_dirty_) return {};
    const SharedSegmentList all = segments();
    for (std::size_t i = 0; i < all->size(); ++i) {
      // One that ends at the recovery point may have been sealed after the flush.
      const bool is_flushed =
          i + 1 < all->size() && (*all)[i + 1]->base_offset() < recovery_point();
      if (!is_flushed && (*all)[i]->base_offset() <= end) unsynced.push_back((*all)[i]);
    }
    cuts = cuts_;
    sync_directory = std::exchange(directory_dirty_, false);
    sync_name = std::exchange(name_dirty_, false);
    sync_creation = std::exchange(creation_dirty_, false);
    has_sealed = std::exchange(seal_dirty_, false);
    directory = directory_;
  }
  const auto sync_records = [&]() -> Result<> {
    if (sync_creation) {
      OTTLA_TRY_VOID(
          sync_if_there(environment_->files, directory + "/" + std::string(kPartitionMetadata)));
    }
    for (const std::shared_ptr<Segment>& segment : unsynced) {
      OTTLA_TRY_VOID(segment->sync());
      OTTLA_TRY_VOID(sync_if_there(
          environment_->files, segment_path(directory, segment->base_offset(), kSnapshotSuffix)));
    }
    if (sync_directory || sync_creation) {
      OTTLA_TRY_VOID(environment_->files.sync_directory(directory));
    }
    if (sync_name || sync_creation) {
      OTTLA_TRY_VOID(environment_->files.sync_directory(directory.substr(0, directory.rfind('/'))));
    }
    return {};
  };
  const env::MonotonicTime began = environment_->clock.now();
  auto synced = environment_->health.check_strictly(sync_records());
  if (synced) synced = environment_->health.check(write_epochs());
  if (!synced) {
    MutexLock lock(mutex_);
    directory_dirty_ = directory_dirty_ || sync_directory;
    name_dirty_ = name_dirty_ || sync_name;
    creation_dirty_ = creation_dirty_ || sync_creation;
    seal_dirty_ = seal_dirty_ || has_sealed;
    return synced;
  }
  if (environment_->flush_us) {
    environment_->flush_us->record(
        std::chrono::duration_cast<std::chrono::microseconds>(environment_->clock.now() - began)
            .count());
  }
  last_flush_ms_.store(environment_->clock.wall_now_ms(), std::memory_order_relaxed);
  MutexLock lock(mutex_);
  // After a cut, what lies below `end` may be other bytes than those that were synced.
  if (cuts == cuts_ && !cutting_ && end > recovery_point()) {
    recovery_point_.store(end.value(), std::memory_order_release);
  }
  return {};
}

Result<> Log::write_epochs() {
  std::string text;
  std::string path;
  {
    MutexLock lock(mutex_);
    if (!epochs_dirty_) return {};
    epochs_dirty_ = false;
    text = epochs_.to_checkpoint();
    path = directory_ + "/" + std::string(kLeaderEpochCheckpoint);
  }
  auto written = env::replace_file(environment_->files, path, text);
  if (!written) {
    MutexLock lock(mutex_);
    epochs_dirty_ = true;
  }
  return written;
}

void Log::abandon() {
  MutexLock flush_lock(flush_mutex_);
  MutexLock lock(mutex_);
  closed_ = true;
}

Result<> Log::close() {
  MutexLock flush_lock(flush_mutex_);
  {
    MutexLock lock(mutex_);
    if (closed_) return {};
    OTTLA_TRY_VOID(check_usable());
    OTTLA_TRY_VOID(environment_->health.check(write_snapshot(log_end_offset())));
    OTTLA_TRY_VOID(environment_->health.check(active()->seal()));
    if (!touched_ && !epochs_dirty_ && !name_dirty_) {
      closed_ = true;
      return {};
    }
  }
  OTTLA_TRY_VOID(flush_under_lock(log_end_offset()));
  std::string directory;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    directory = directory_;
  }
  // The snapshot, and the sizes that sealing changed.
  const auto sync_last = [&]() -> Result<> {
    OTTLA_TRY_VOID(sync_if_there(environment_->files,
                                 segment_path(directory, log_end_offset(), kSnapshotSuffix)));
    OTTLA_TRY_VOID(active()->sync());
    return environment_->files.sync_directory(directory);
  };
  return environment_->health.check_strictly(sync_last());
}

}  // namespace ottla::storage
