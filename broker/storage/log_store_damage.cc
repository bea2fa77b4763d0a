// LogStore: logs that cannot be opened for what stands in their files.
#include <glog/logging.h>

#include "broker/storage/log_store_loading.h"

namespace ottla::storage {

/// Damage in one log is no reason to lose the others of its log dir.
void LogStore::set_apart(Loading& loading, std::size_t number, std::size_t job) {
  Loading::Directory& plan = *loading.directories[number];
  const auto& [path, partition, is_future, bytes_to_read] = plan.jobs[job];
  LOG(ERROR)
      << "[" << path << "] is damaged and set apart: the partition is offline here, its files "
      << "stay as they are. `ottla dump-log --verify` shows the damage; to fetch the log anew "
      << "from another replica, move the directory away and restart the broker";
  // What lies behind its recovery point was not looked at.
  plan.directory->forbid_marker();
  {
    MutexLock lock(plan.mutex);
    ++plan.result.set_apart;
  }
  if (is_future) return;
  MutexLock lock(mutex_);
  set_apart_[partition] = {path, plan.directory};
}

bool LogStore::is_set_apart(const TopicPartition& partition) const {
  MutexLock lock(mutex_);
  return set_apart_.contains(partition);
}

Result<std::string> LogStore::rename_set_apart(const TopicPartition& partition,
                                               const std::string& new_name) {
  SetApart damaged;
  {
    MutexLock lock(mutex_);
    const auto found = set_apart_.find(partition);
    if (found == set_apart_.end()) return "";
    damaged = found->second;
    set_apart_.erase(found);
  }
  if (!damaged.directory->is_online()) return fail(ErrorCode::KafkaStorageError);
  std::string path = damaged.directory->path() + "/" + new_name;
  OTTLA_TRY_VOID(damaged.directory->health().check(files_.rename(damaged.path, path)));
  OTTLA_TRY_VOID(
      damaged.directory->health().check(files_.sync_directory(damaged.directory->path())));
  return path;
}

/// A log that is repaired is opened with what was known of it.
void LogStore::keep_lines_set_apart(std::string_view name,
                                    std::map<const LogDirectory*, PartitionOffsets>& offsets) {
  MutexLock lock(mutex_);
  for (const auto& [partition, damaged] : set_apart_) {
    const auto& files = checkpoints_[damaged.directory];
    const auto file = files.find(name);
    if (file == files.end()) continue;
    const auto line = file->second.find(partition);
    if (line != file->second.end()) offsets[damaged.directory].insert(*line);
  }
}

}  // namespace ottla::storage
