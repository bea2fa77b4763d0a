// LogStore: a partition that is found in two log dirs, and no note says which one counts.
#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/storage/file_names.h"
#include "broker/storage/log_store_loading.h"

namespace ottla::storage {
namespace {

/// Whether nothing is lost by going on without `part`: every record of it is in `whole` too, or was
/// deleted there. Logs agree up to where their epochs do (KIP-101).
bool holds_all_of(const Log& whole, const Log& part) {
  if (part.log_end_offset() <= whole.log_start_offset()) return true;
  if (part.log_end_offset() > whole.log_end_offset()) return false;
  if (part.log_start_offset() == part.log_end_offset()) return true;
  const LeaderEpoch latest = part.latest_leader_epoch();
  if (latest == kUnknownLeaderEpoch) return false;
  const EpochEndOffset end = whole.end_offset_for_epoch(latest);
  return end.leader_epoch == latest && end.end_offset >= part.log_end_offset();
}

std::string offsets_of(const Log& log) {
  return "offsets " + std::to_string(log.log_start_offset().value()) + " to " +
         std::to_string(log.log_end_offset().value()) + ", last leader epoch " +
         std::to_string(log.latest_leader_epoch().value());
}

}  // namespace

/// Of two copies one goes when the other has all that it has: a leftover, of a move by hand or of a
/// crash. It is kept as a stray. So is one without a topic id beside one that has it: the crash of
/// the host that took its id came before its first flush, and its records may be those of a topic
/// of the same name that was deleted since. If each has something that the other has not, only a
/// human can tell which is right: the partition is offline here, and all others are served.
void LogStore::settle_duplicates(Loading& loading) {
  std::vector<Loading::Duplicate> duplicates;
  {
    MutexLock lock(loading.mutex);
    duplicates.swap(loading.duplicates);
  }
  // Which of two was opened first says nothing.
  std::sort(duplicates.begin(), duplicates.end(),
            [](const auto& one, const auto& other) { return one.directory < other.directory; });
  for (auto& [number, other] : duplicates) {
    const TopicPartition partition = other.log->partition();
    const auto found = entry(partition);
    if (!found) {  // set apart with the copies before
      other.directory->forbid_marker();
      continue;
    }
    Entry kept = *found;
    const bool may_differ = kept.topic_id && other.topic_id && *kept.topic_id != *other.topic_id;
    const bool is_one_unnamed = kept.topic_id.has_value() != other.topic_id.has_value();
    const bool found_has_all = !may_differ && holds_all_of(*kept.log, *other.log);
    const bool other_has_all = !may_differ && holds_all_of(*other.log, *kept.log);
    if (!is_one_unnamed && !found_has_all && !other_has_all) {
      set_copies_apart(kept, other);
      continue;
    }
    const auto is_better = [&] {
      if (is_one_unnamed) return other.topic_id.has_value();
      if (found_has_all != other_has_all) return other_has_all;
      if (other.log->log_start_offset() != kept.log->log_start_offset()) {
        return other.log->log_start_offset() < kept.log->log_start_offset();
      }
      return other.directory->path() < kept.directory->path();
    };
    if (is_better()) std::swap(kept, other);
    keep_copy(loading, kept);
    if (const auto done = put_copy_aside(kept, other); !done) {
      LOG(ERROR) << "[" << other.log->directory() << "] cannot be put aside: " << done.error();
    }
  }
}

void LogStore::keep_copy(const Loading& loading, const Entry& kept) {
  const TopicPartition& partition = kept.log->partition();
  MutexLock lock(mutex_);
  logs_[partition] = kept;
  high_watermarks_.erase(partition);
  for (const auto& plan : loading.directories) {
    if (plan->directory != kept.directory) continue;
    const auto line = plan->high_watermarks.find(partition);
    if (line == plan->high_watermarks.end() || line->second > kept.log->log_end_offset()) continue;
    high_watermarks_[partition] = line->second;
  }
}

Result<> LogStore::put_copy_aside(const Entry& kept, const Entry& leftover) {
  MutexLock change_lock(change_mutex_);
  const TopicPartition& partition = kept.log->partition();
  const std::string was = leftover.log->directory();
  const std::string away =
      leftover.directory->path() + "/" + stray_directory_name(partition, random_.uuid());
  const bool is_unnamed = kept.topic_id && !leftover.topic_id;
  LOG(ERROR) << "[" << partition << "] is in two log dirs. " << kept.log->directory() << " ("
             << offsets_of(*kept.log) << (is_unnamed ? ") has a topic id, " : ") has all that ")
             << was << " (" << offsets_of(*leftover.log) << (is_unnamed ? ") has none" : ") has")
             << ": that one is a leftover, renamed to " << away;
  OTTLA_TRY_VOID(leftover.log->rename_directory(away));
  OTTLA_TRY_VOID(
      leftover.directory->health().check(files_.sync_directory(leftover.directory->path())));
  note_put_aside(away);
  return forget_cleaner_point(*leftover.directory, partition);
}

void LogStore::set_copies_apart(const Entry& one, const Entry& other) {
  const TopicPartition& partition = one.log->partition();
  LOG(ERROR) << "[" << partition << "] is in two log dirs, and neither copy has all that the other "
             << "has: " << one.log->directory() << " (" << offsets_of(*one.log) << ") and "
             << other.log->directory() << " (" << offsets_of(*other.log)
             << "). The partition is offline here, its files stay as they are: move one of the two "
             << "directories away (rather the one of a disk that failed lately) and restart the "
             << "broker";
  one.directory->forbid_marker();
  other.directory->forbid_marker();
  const std::string path = one.log->directory();
  MutexLock lock(mutex_);
  set_apart_[partition] = {path, one.directory};
  logs_.erase(partition);
}

}  // namespace ottla::storage
