// LogStore: logs on their way from one log dir to another.
#include <glog/logging.h>

#include <filesystem>

#include "broker/storage/file_names.h"
#include "broker/storage/log_store.h"

namespace ottla::storage {
namespace {

/// As Kafka's clients name log dirs: absolute, without a slash at the end.
std::string absolute(const std::string& directory) {
  std::error_code error;
  std::string path = std::filesystem::absolute(directory, error).lexically_normal().string();
  if (error) return directory;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

// Looking.

LogDirectory* LogStore::directory_named(const std::string& directory) const {
  const std::string wanted = absolute(directory);
  for (const auto& known : directories_) {
    if (absolute(known->path()) == wanted) return known.get();
  }
  return nullptr;
}

std::vector<LogStore::Entry> LogStore::entries() const {
  MutexLock lock(mutex_);
  std::vector<Entry> all;
  for (const auto& [partition, entry] : logs_) all.push_back(entry);
  for (const auto& [partition, entry] : futures_) all.push_back(entry);
  return all;
}

std::set<TopicPartition> LogStore::partitions() const {
  MutexLock lock(mutex_);
  std::set<TopicPartition> names;
  for (const auto* const table : {&logs_, &futures_}) {
    for (const auto& [partition, entry] : *table) names.insert(partition);
  }
  return names;
}

std::optional<LogStore::Entry> LogStore::future(const TopicPartition& partition) const {
  MutexLock lock(mutex_);
  const auto found = futures_.find(partition);
  if (found == futures_.end()) return std::nullopt;
  return found->second;
}

std::shared_ptr<Log> LogStore::find_future(const TopicPartition& partition) const {
  const auto found = future(partition);
  return found ? found->log : nullptr;
}

std::string LogStore::future_directory_of(const TopicPartition& partition) const {
  const auto found = future(partition);
  return found ? found->directory->path() : "";
}

bool LogStore::is_in(const TopicPartition& partition, const std::string& directory,
                     bool future) const {
  const auto found = future ? this->future(partition) : entry(partition);
  return found && found->directory == directory_named(directory);
}

std::vector<DirectoryUsage> LogStore::usage() const {
  std::vector<DirectoryUsage> all;
  std::map<const LogDirectory*, std::vector<DirectoryUsage::LogUsage>> logs;
  const auto note = [&](const std::map<TopicPartition, Entry>& table, bool is_future) {
    for (const auto& [partition, entry] : table) {
      logs[entry.directory].push_back({partition, 0, entry.log->log_end_offset(), is_future});
    }
  };
  {
    MutexLock lock(mutex_);
    note(logs_, false);
    note(futures_, true);
  }
  for (const std::string& path : options_.directories) {
    DirectoryUsage& usage = all.emplace_back();
    usage.directory = absolute(path);
    const LogDirectory* const directory = directory_named(path);
    if (directory == nullptr || !directory->is_online()) continue;
    usage.is_online = true;
    usage.space_state = directory->health().space();
    if (const auto space = files_.space(path)) usage.space = *space;
    usage.logs = std::move(logs[directory]);
    for (DirectoryUsage::LogUsage& log : usage.logs) {
      const auto known = log.is_future ? find_future(log.partition) : find(log.partition);
      if (known) log.bytes = known->size_bytes();
    }
  }
  return all;
}

Result<> LogStore::check_directory(const std::string& directory) const {
  const bool is_one_of_them =
      std::any_of(options_.directories.begin(), options_.directories.end(),
                  [&](const std::string& path) { return absolute(path) == directory; });
  // As Kafka: the path to the letter, as DescribeLogDirs gives it.
  if (!is_one_of_them) {
    return fail(ErrorCode::LogDirNotFound, directory + " is none of log.dirs");
  }
  const LogDirectory* const known = directory_named(directory);
  if (known != nullptr && known->is_online()) return {};
  return fail(ErrorCode::KafkaStorageError, "log dir " + directory + " is offline");
}

// Before there is a log.

void LogStore::prefer_directory(const TopicPartition& partition, const std::string& directory) {
  LogDirectory* const wanted = directory_named(directory);
  MutexLock lock(mutex_);
  const auto current = logs_.find(partition);
  const auto future = futures_.find(partition);
  const bool is_there = (current != logs_.end() && current->second.directory == wanted) ||
                        (future != futures_.end() && future->second.directory == wanted);
  if (is_there || wanted == nullptr) {
    preferred_.erase(partition);
  } else {
    preferred_[partition] = wanted;
  }
}

LogDirectory* LogStore::directory_for_new(const TopicPartition& partition) {
  LogDirectory* preferred = nullptr;
  {
    MutexLock lock(mutex_);
    const auto found = preferred_.find(partition);
    if (found != preferred_.end()) preferred = found->second;
  }
  return preferred != nullptr && preferred->is_online() ? preferred : roomiest_directory();
}

// Future logs.

Result<std::shared_ptr<Log>> LogStore::create_future(const TopicPartition& partition,
                                                     const std::string& directory) {
  OTTLA_TRY_VOID(check_directory(directory));
  OTTLA_TRY(const std::string name, future_directory_name(partition, random_.uuid()));
  MutexLock change_lock(change_mutex_);
  LogDirectory& target = *directory_named(directory);
  const auto current = entry(partition);
  if (!current || future(partition)) return fail(ErrorCode::InvalidRequest);
  // Lines of a log that was here before are none of this one's.
  OTTLA_TRY_VOID(lower_recovery_checkpoint(target, partition, Offset(0)));
  Entry created{.directory = &target, .topic_id = current->topic_id};
  const std::string path = target.path() + "/" + name;
  const auto made = [&]() -> Result<> {
    OTTLA_TRY(
        created.log,
        Log::open(environment(target, target.health()),
                  {.directory = path, .partition = partition, .config = current->log->config()}));
    if (!created.topic_id) return {};
    return target.health().check(write_partition_metadata(files_, path, *created.topic_id));
  };
  if (auto done = made(); !done) {
    deletions_.schedule({path},
                        std::chrono::milliseconds(0));  // as far as it was made: a full disk
    return fail(std::move(done).error());
  }
  LOG(INFO) << "[" << partition << "] moves from " << current->directory->path() << " to " << path;
  MutexLock lock(mutex_);
  futures_[partition] = created;
  preferred_.erase(partition);
  return created.log;
}

Result<> LogStore::discard_future(const TopicPartition& partition) {
  const auto given_up = future(partition);
  if (!given_up) return {};
  forget_future(partition);
  LogDirectory& directory = *given_up->directory;
  if (!directory.is_online()) return {};
  const std::string path =
      directory.path() + "/" + delete_directory_name(partition, random_.uuid());
  OTTLA_TRY_VOID(given_up->log->rename_directory(path));
  OTTLA_TRY_VOID(directory.health().check(files_.sync_directory(directory.path())));
  LOG(INFO) << "[" << partition << "] future replica renamed to " << path << ", to be removed";
  deletions_.schedule({path}, given_up->log->config()->file_delete_delay);
  return {};
}

Result<> LogStore::remove_future(const TopicPartition& partition) {
  MutexLock change_lock(change_mutex_);
  return discard_future(partition);
}

void LogStore::forget_future(const TopicPartition& partition) {
  MutexLock lock(mutex_);
  futures_.erase(partition);
}

/// After loading: copies of another topic of that name, and beside their own log; and one that was
/// never made as a whole (a full disk), so that its topic's id stands nowhere.
void LogStore::drop_useless_futures() {
  std::vector<TopicPartition> useless;
  {
    MutexLock lock(mutex_);
    for (const auto& [partition, future] : futures_) {
      const auto current = logs_.find(partition);
      if (current == logs_.end()) continue;
      const Entry& log = current->second;
      const bool is_other = log.topic_id && future.topic_id && *log.topic_id != *future.topic_id;
      const bool is_half_made = log.topic_id && !future.topic_id;
      if (is_other || is_half_made || log.directory == future.directory) {
        useless.push_back(partition);
      }
    }
  }
  for (const TopicPartition& partition : useless) {
    (void)remove_future(partition);  // an error took its log dir offline
  }
}

Result<std::optional<LogStore::Entry>> LogStore::promote_future(const TopicPartition& partition) {
  const auto copy = future(partition);
  if (!copy) return std::nullopt;
  if (!copy->directory->is_online()) return fail(ErrorCode::KafkaStorageError);
  LOG(WARNING) << "[" << partition << "] the log is in no log dir: goes on with its future replica"
               << ", which ends at " << copy->log->log_end_offset();
  OTTLA_TRY_VOID(copy->log->rename_in_use(copy->directory->path() + "/" + partition.to_string()));
  OTTLA_TRY_VOID(copy->log->flush());
  MutexLock lock(mutex_);
  futures_.erase(partition);
  logs_[partition] = *copy;
  return copy;
}

// The switch.

/// The new log dir's note names every directory that may still hold an older copy. The old one's
/// must not name the new one any more, if the log was there before: two notes would accuse each
/// other.
Result<> LogStore::note_sources(const Entry& future, const Entry& current) {
  const std::string name(kMovedFromFile);
  const std::string earlier = current.log->directory() + "/" + name;
  LogHealth& health = current.directory->health();
  OTTLA_TRY(const bool exists, health.check(files_.exists(earlier)));
  std::string sources;
  if (exists) {
    OTTLA_TRY(const std::string text, health.check(env::read_file(files_, earlier)));
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string source = text.substr(at, end - at);
      if (source != future.directory->path()) sources += source + "\n";
      at = end + 1;
    }
    if (sources.empty()) {
      OTTLA_TRY_VOID(health.check(files_.remove(earlier)));
      OTTLA_TRY_VOID(health.check(files_.sync_directory(current.log->directory())));
    } else if (sources != text) {
      OTTLA_TRY_VOID(health.check(env::replace_file(files_, earlier, sources)));
    }
  }
  return future.directory->health().check(env::replace_file(
      files_, future.log->directory() + "/" + name, sources + current.directory->path() + "\n"));
}

Result<> LogStore::prepare_switch(const TopicPartition& partition) {
  MutexLock change_lock(change_mutex_);
  const auto copy = future(partition);
  const auto current = entry(partition);
  if (!copy || !current) return fail(ErrorCode::InvalidRequest);
  OTTLA_TRY_VOID(copy->log->flush());
  return note_sources(*copy, *current);
}

Result<> LogStore::switch_to_future(const TopicPartition& partition) {
  const auto copy = future(partition);
  const auto current = entry(partition);
  if (!copy || !current) return fail(ErrorCode::InvalidRequest);
  // What somebody was promised to be on the disk stays there.
  const auto config = current->log->config();
  const bool is_promised =
      config->flush_messages != LogConfig::kUnlimited || config->flush_ms != LogConfig::kUnlimited;
  if (is_promised) OTTLA_TRY_VOID(copy->log->flush());
  OTTLA_TRY_VOID(copy->log->rename_in_use(copy->directory->path() + "/" + partition.to_string()));
  LOG(INFO) << "[" << partition << "] moved from " << current->directory->path() << " to "
            << copy->directory->path() << " at offset " << copy->log->log_end_offset();
  MutexLock lock(mutex_);
  futures_.erase(partition);
  logs_[partition] = *copy;
  replaced_[partition] = {*current, *copy};
  return {};
}

Result<> LogStore::retire_replaced(const TopicPartition& partition) {
  MutexLock change_lock(change_mutex_);
  return retire(partition);
}

Result<> LogStore::retire(const TopicPartition& partition) {
  Replaced replaced;
  {
    MutexLock lock(mutex_);
    const auto found = replaced_.find(partition);
    if (found == replaced_.end()) return {};
    replaced = std::move(found->second);
    replaced_.erase(found);
  }
  const Result<> durable = replaced.by.log->flush();
  LogDirectory& directory = *replaced.old.directory;
  // Offline, or at the end of the process: the note in the new directory tells which one counts.
  if (!directory.is_online() || (!durable && replaced.by.directory->is_online())) return durable;
  // Of what failed to get to the disk the old log is the best that is left, for a human to see.
  const Uuid unique = random_.uuid();
  const std::string path = directory.path() + "/" +
                           (durable ? delete_directory_name(partition, unique)
                                    : stray_directory_name(partition, unique));
  OTTLA_TRY_VOID(replaced.old.log->rename_directory(path));
  OTTLA_TRY_VOID(directory.health().check(files_.sync_directory(directory.path())));
  OTTLA_TRY_VOID(forget_cleaner_point(directory, partition));
  OTTLA_TRY_VOID(checkpoint_log_starts());
  if (!durable) return durable;
  deletions_.schedule({path}, replaced.old.log->config()->file_delete_delay);
  // An older copy may be in a log dir that is offline now.
  if (!offline_directories().empty()) return {};
  // Durably: a note that came back after the next move would accuse the wrong one.
  const std::string moved = replaced.by.log->directory();
  Result<> removed = files_.remove(moved + "/" + std::string(kMovedFromFile));
  if (removed) removed = files_.sync_directory(moved);
  // Named otherwise by now: the log was moved again, or removed.
  if (!removed && env::io_error_kind(removed.error()) == env::IoErrorKind::NotFound) return {};
  return replaced.by.directory->health().check(std::move(removed));
}

Result<> LogStore::forget_cleaner_point(LogDirectory& directory, const TopicPartition& partition) {
  MutexLock lock(checkpoint_mutex_);
  PartitionOffsets points = checkpoints_[&directory][std::string(kCleanerCheckpoint)];
  if (points.erase(partition) == 0) return {};
  return write_checkpoint(directory, kCleanerCheckpoint, points);
}

}  // namespace ottla::storage
