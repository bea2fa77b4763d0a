#include "broker/storage/log_store.h"

#include <glog/logging.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace ottla::storage {
LogStore::LogStore(env::FileSystem& files, env::Clock& clock, env::Random& random,
                   env::Executor& executor, LogStoreOptions options)
    : files_(files),
      clock_(clock),
      random_(random),
      executor_(executor),
      options_(std::move(options)),
      deletions_(files, executor) {}

LogStore::~LogStore() {
  std::vector<Repeated> repeated;
  MutexLock lock(mutex_);
  stopping_ = true;
  repeated.swap(repeated_);
  lock.unlock();
  repeated.clear();
  lock.lock();
}

// Identity.

Result<std::unique_ptr<LogStore>> LogStore::open(env::FileSystem& files, env::Clock& clock,
                                                 env::Random& random, env::Executor& executor,
                                                 LogStoreOptions options,
                                                 LogHealth::OnOffline on_offline) {
  std::unique_ptr<LogStore> store(new LogStore(files, clock, random, executor, std::move(options)));
  Error last(ErrorCode::InvalidConfig, "log.dirs is empty: name at least one directory");
  for (const std::string& path : store->options_.directories) {
    store->directories_.push_back(std::make_unique<LogDirectory>(
        files, path, executor, on_offline,
        [store = store.get()](LogDirectory& directory) { store->look_at_space(directory); }));
    auto opened = store->directories_.back()->open();
    if (opened) continue;
    last = std::move(opened).error();
    // A wrong configuration is not a broken disk.
    if (last.code() != ErrorCode::KafkaStorageError) return fail(last);
    LOG(ERROR) << "[" << path << "] log dir is offline: " << last;
  }
  if (store->offline_directories().size() == store->directories_.size()) return fail(last);
  OTTLA_TRY_VOID(store->agree_on_identity());
  return store;
}

Result<> LogStore::agree_on_identity() {
  for (const auto& directory : directories_) {
    if (!directory->is_online() || !directory->meta()) continue;
    const MetaProperties& meta = *directory->meta();
    const bool other_broker =
        identity_.broker_id && meta.broker_id && identity_.broker_id != meta.broker_id;
    const bool other_cluster =
        identity_.cluster_id && meta.cluster_id && identity_.cluster_id != meta.cluster_id;
    if (other_broker || other_cluster) {
      return fail(ErrorCode::InvalidConfig, directory->path() + "/meta.properties names another " +
                                                (other_broker ? "broker" : "cluster") +
                                                " than the other log dirs do");
    }
    if (meta.broker_id) identity_.broker_id = meta.broker_id;
    if (meta.cluster_id) identity_.cluster_id = meta.cluster_id;
  }
  return {};
}

Result<> LogStore::set_identity(BrokerId broker_id, const std::string& cluster_id) {
  if (identity_.broker_id && *identity_.broker_id != broker_id) {
    return fail(ErrorCode::InvalidConfig, "broker.id=" + std::to_string(broker_id.value()) +
                                              ": meta.properties says " +
                                              std::to_string(identity_.broker_id->value()) +
                                              "; these log dirs belong to another broker");
  }
  if (identity_.cluster_id && *identity_.cluster_id != cluster_id) {
    return fail(ErrorCode::InconsistentClusterId,
                "ZooKeeper's cluster id is " + cluster_id + ", meta.properties says " +
                    *identity_.cluster_id + ": zookeeper.connect or log.dirs is wrong");
  }
  identity_ = {broker_id, cluster_id};
  for (const auto& directory : directories_) {
    if (directory->is_online()) OTTLA_TRY_VOID(directory->write_meta(identity_));
  }
  return {};
}

ShutdownKind LogStore::shutdown_kind() const {
  ShutdownKind worst = ShutdownKind::Clean;
  for (const auto& directory : directories_) worst = std::max(worst, directory->shutdown_kind());
  return worst;
}

Result<> LogStore::confirm_boot() {
  MutexLock lock(checkpoint_mutex_);
  for (const auto& directory : directories_) {
    if (directory->is_online()) OTTLA_TRY_VOID(directory->note_boot());
  }
  return {};
}

std::vector<std::string> LogStore::offline_directories() const {
  std::vector<std::string> offline;
  for (const auto& directory : directories_) {
    if (!directory->is_online()) offline.push_back(directory->path());
  }
  return offline;
}

std::vector<std::string> LogStore::directories() const {
  std::vector<std::string> paths;
  for (const auto& directory : directories_) paths.push_back(directory->path());
  return paths;
}

void LogStore::set_slow(const std::string& directory, bool slow) {
  for (const auto& each : directories_) {
    if (each->path() == directory) each->health().set_slow(slow);
  }
}

bool LogStore::is_online(const std::string& directory) const {
  return std::any_of(directories_.begin(), directories_.end(), [&](const auto& each) {
    return each->path() == directory && each->is_online();
  });
}

bool LogStore::has_room_for(const TopicPartition& partition, std::uint64_t bytes) const {
  const auto found = entry(partition);
  if (!found) return false;
  const LogDirectory& directory = *found->directory;
  return directory.health().space() != SpaceState::Full ||
         directory.usable_bytes().value_or(0) >= bytes;
}

void LogStore::report(const std::string& directory, Result<> outcome) {
  for (const auto& each : directories_) {
    if (each->path() == directory) (void)each->health().check(outcome);  // the health keeps it
  }
}

std::vector<std::string> LogStore::slow_directories() const {
  std::vector<std::string> slow;
  for (const auto& directory : directories_) {
    if (directory->health().is_slow()) slow.push_back(directory->path());
  }
  return slow;
}

std::shared_ptr<const LogEnvironment> LogStore::environment(LogDirectory& directory,
                                                            LogHealth& health) {
  MutexLock lock(environments_mutex_);
  std::shared_ptr<const LogEnvironment>& shared = environments_[&health];
  if (shared) return shared;
  shared = std::make_shared<const LogEnvironment>(
      LogEnvironment{.files = files_,
                     .clock = clock_,
                     .executor = executor_,
                     .health = health,
                     .deletions = deletions_,
                     .producer_expiration = options_.producer_expiration,
                     .lower_recovery_checkpoint =
                         [this, &directory](const TopicPartition& partition, Offset offset) {
                           return lower_recovery_checkpoint(directory, partition, offset);
                         },
                     .cut_records_max_bytes = options_.cut_records_max_bytes,
                     .flush_us = options_.flush_us});
  return shared;
}

// The table of logs.

std::optional<LogStore::Entry> LogStore::entry(const TopicPartition& partition) const {
  MutexLock lock(mutex_);
  const auto found = logs_.find(partition);
  if (found == logs_.end()) return std::nullopt;
  return found->second;
}

std::shared_ptr<Log> LogStore::find(const TopicPartition& partition) const {
  const auto found = entry(partition);
  return found ? found->log : nullptr;
}

std::vector<std::shared_ptr<Log>> LogStore::logs() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Log>> all;
  all.reserve(logs_.size());
  for (const auto& [partition, entry] : logs_) all.push_back(entry.log);
  return all;
}

std::optional<TopicId> LogStore::topic_id(const TopicPartition& partition) const {
  const auto found = entry(partition);
  return found ? found->topic_id : std::nullopt;
}

std::string LogStore::directory_of(const TopicPartition& partition) const {
  const auto found = entry(partition);
  return found ? found->directory->path() : "";
}

std::optional<Offset> LogStore::checkpointed_high_watermark(const TopicPartition& partition) const {
  MutexLock lock(mutex_);
  const auto found = high_watermarks_.find(partition);
  if (found == high_watermarks_.end()) return std::nullopt;
  return found->second;
}

Result<std::shared_ptr<Log>> LogStore::find_or_create(const TopicPartition& partition,
                                                      const TopicId& topic_id,
                                                      std::shared_ptr<const LogConfig> config) {
  MutexLock change_lock(change_mutex_);
  auto known = entry(partition);
  if (known && !known->directory->is_online()) return fail(ErrorCode::KafkaStorageError);
  if (known && known->topic_id && !topic_id.is_zero() && *known->topic_id != topic_id) {
    return fail(ErrorCode::InconsistentTopicId, partition.to_string() + ": the log has topic id " +
                                                    known->topic_id->to_string() + ", not " +
                                                    topic_id.to_string());
  }
  if (!known && is_set_apart(partition)) {
    return fail(ErrorCode::KafkaStorageError,
                partition.to_string() + ": its log is damaged and set apart");
  }
  if (!known) {
    if (const auto copy = future(partition);
        copy && copy->topic_id && !topic_id.is_zero() && *copy->topic_id != topic_id) {
      OTTLA_TRY_VOID(discard_future(partition));
    }
    OTTLA_TRY(known, promote_future(partition));
  }
  Entry result;
  if (known) {
    result = *known;
    if (known->topic_id || topic_id.is_zero()) return result.log;
  } else {
    result.directory = directory_for_new(partition);
    if (result.directory == nullptr) {
      return fail(ErrorCode::KafkaStorageError, "all log dirs are offline");
    }
    if (result.directory->health().space() == SpaceState::Full) {
      OTTLA_TRY_VOID(result.directory->health().check_space(/*of_client=*/false));
    }
  }
  const std::string path = result.directory->path() + "/" + partition.to_string();
  const auto made = [&]() -> Result<> {
    OTTLA_TRY(const bool is_there, files_.exists(path));  // a leftover
    if (!known) {
      OTTLA_TRY(
          result.log,
          Log::open(environment(*result.directory, result.directory->health()),
                    {.directory = path, .partition = partition, .config = std::move(config)}));
    }
    if (topic_id.is_zero()) return {};
    result.topic_id = topic_id;
    const auto write = is_there ? write_partition_metadata : write_first_partition_metadata;
    return result.directory->health().check(write(files_, result.log->directory(), topic_id));
  }();
  if (!made) {
    result.log.reset();
    if (!known) take_back(*result.directory, path);
    return fail(made.error());
  }
  MutexLock lock(mutex_);
  logs_[partition] = result;
  preferred_.erase(partition);
  return result.log;
}

void LogStore::take_back(LogDirectory& directory, const std::string& path) {
  const auto removed = [&]() -> Result<> {
    OTTLA_TRY(const bool exists, files_.exists(path));
    if (!exists) return {};
    OTTLA_TRY_VOID(files_.remove_all(path));
    return files_.sync_directory(directory.path());
  };
  if (directory.is_online()) (void)directory.health().check(removed());  // the health keeps it
}

Result<std::string> LogStore::rename_away(const TopicPartition& partition,
                                          const std::string& new_name) {
  // First what a new log of the same name could be taken for, or meet in its directory.
  OTTLA_TRY_VOID(discard_future(partition));
  OTTLA_TRY_VOID(retire(partition));
  OTTLA_TRY(const std::string damaged, rename_set_apart(partition, new_name));
  if (!damaged.empty()) return damaged;
  Entry removed;
  {
    MutexLock lock(mutex_);
    const auto found = logs_.find(partition);
    if (found == logs_.end()) return "";
    removed = found->second;
    logs_.erase(found);
    preferred_.erase(partition);
    high_watermarks_.erase(partition);
  }
  if (!removed.directory->is_online()) return fail(ErrorCode::KafkaStorageError);
  const std::string path = removed.directory->path() + "/" + new_name;
  OTTLA_TRY_VOID(removed.log->rename_directory(path));
  OTTLA_TRY_VOID(
      removed.directory->health().check(files_.sync_directory(removed.directory->path())));
  // A new log of the same name must not inherit where this one was clean, or where it started.
  OTTLA_TRY_VOID(forget_cleaner_point(*removed.directory, partition));
  if (removed.log->log_start_offset() > Offset(0)) OTTLA_TRY_VOID(checkpoint_log_starts());
  return path;
}

Result<> LogStore::remove(const TopicPartition& partition, std::chrono::milliseconds delay) {
  MutexLock change_lock(change_mutex_);
  OTTLA_TRY(const std::string path,
            rename_away(partition, delete_directory_name(partition, random_.uuid())));
  if (path.empty()) return {};
  LOG(INFO) << "[" << partition << "] log renamed to " << path << ", to be removed";
  deletions_.schedule({path}, delay);
  return {};
}

Result<> LogStore::mark_stray(const TopicPartition& partition) {
  MutexLock change_lock(change_mutex_);
  if (!entry(partition)) OTTLA_TRY_VOID(promote_future(partition));
  OTTLA_TRY(const std::string path,
            rename_away(partition, stray_directory_name(partition, random_.uuid())));
  if (!path.empty()) {
    LOG(WARNING) << "[" << partition << "] not assigned to this broker: kept as " << path;
    note_put_aside(path);
  }
  return {};
}

// Background work.

void LogStore::start(HighWatermarkOf high_watermark_of, OnReturn on_return) {
  {
    MutexLock lock(mutex_);
    high_watermark_of_ = std::move(high_watermark_of);
    on_return_ = std::move(on_return);
  }
  // Errors of these took their log dir offline, and were told, where they happened.
  repeat(options_.high_watermark_checkpoint_interval,
         [this] { (void)checkpoint_high_watermarks(); });
  repeat(options_.recovery_checkpoint_interval, [this] { (void)checkpoint_recovery_points(); });
  repeat(options_.log_start_checkpoint_interval, [this] { (void)checkpoint_log_starts(); });
  repeat(options_.retention_check_interval, [this] {
    delete_old_segments();
    expire_leftovers();
  });
  repeat(options_.producer_expiration_check_interval, [this] {
    for (const auto& log : logs()) log->expire_producers();
  });
  for (const auto& directory : directories_) {
    repeat(options_.directory_check_interval,
           [this, directory = directory.get()] { look_after(*directory); });
  }
  if (options_.flush_check_interval) {
    repeat(*options_.flush_check_interval, [this] {
      for (const auto& log : logs()) (void)log->flush_if_due();
    });
  }
}

void LogStore::repeat(std::chrono::milliseconds interval, std::function<void()> work) {
  std::size_t number = 0;
  {
    MutexLock lock(mutex_);
    number = repeated_.size();
    repeated_.push_back({interval, std::move(work), nullptr});
  }
  arm(number);
}

void LogStore::arm(std::size_t number) {
  std::chrono::milliseconds interval{};
  std::function<void()> work;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    interval = repeated_[number].interval;
    work = repeated_[number].work;
  }
  env::TimerHandle timer = executor_.post_after(interval, [this, number, work = std::move(work)] {
    work();
    arm(number);
  });
  MutexLock lock(mutex_);
  if (!stopping_) repeated_[number].timer.swap(timer);
  lock.unlock();
  timer.reset();
  lock.lock();
}

Result<> LogStore::write_checkpoints(
    std::string_view name, const std::function<std::optional<Offset>(const Log&)>& offset_of,
    const std::optional<std::string>& only) {
  MutexLock checkpoint_lock(checkpoint_mutex_);
  std::map<const LogDirectory*, PartitionOffsets> offsets;
  for (const Entry& entry : entries()) {
    if (const auto offset = offset_of(*entry.log)) {
      offsets[entry.directory][entry.log->partition()] = *offset;
    }
  }
  keep_lines_set_apart(name, offsets);
  Result<> outcome;
  for (const auto& directory : directories_) {
    if (!directory->is_online() || (only && directory->path() != *only)) continue;
    auto written = write_checkpoint(*directory, name, offsets[directory.get()]);
    if (!written) outcome = std::move(written);
  }
  return outcome;
}

Result<> LogStore::write_checkpoint(LogDirectory& directory, std::string_view name,
                                    const PartitionOffsets& offsets) {
  auto& files = checkpoints_[&directory];
  const auto written = files.find(name);
  if (written != files.end() && written->second == offsets) return {};
  OTTLA_TRY_VOID(directory.write_checkpoint(name, offsets));
  files[std::string(name)] = offsets;
  return {};
}

Result<> LogStore::checkpoint_recovery_points(std::optional<std::string> only) {
  return write_checkpoints(
      kRecoveryPointCheckpoint, [](const Log& log) { return log.recovery_point(); }, only);
}

Result<> LogStore::lower_recovery_checkpoint(LogDirectory& directory,
                                             const TopicPartition& partition, Offset offset) {
  MutexLock lock(checkpoint_mutex_);
  // The cleaner must see again what is appended behind the cut.
  OTTLA_TRY_VOID(lower_line(directory, kCleanerCheckpoint, partition, offset));
  return lower_line(directory, kRecoveryPointCheckpoint, partition, offset);
}

Result<> LogStore::lower_line(LogDirectory& directory, std::string_view name,
                              const TopicPartition& partition, Offset offset) {
  PartitionOffsets lowered = checkpoints_[&directory][std::string(name)];
  const auto found = lowered.find(partition);
  // Most cuts are of records younger than the last checkpoint.
  if (found == lowered.end() || found->second <= offset) return {};
  found->second = offset;
  return write_checkpoint(directory, name, lowered);
}

std::optional<Offset> LogStore::high_watermark(const TopicPartition& partition) const {
  HighWatermarkOf high_watermark_of;
  {
    MutexLock lock(mutex_);
    high_watermark_of = high_watermark_of_;
  }
  return high_watermark_of ? high_watermark_of(partition) : std::nullopt;
}

std::optional<Offset> LogStore::cleaner_point(const TopicPartition& partition) const {
  const auto found = entry(partition);
  if (!found) return std::nullopt;
  MutexLock lock(checkpoint_mutex_);
  const auto files = checkpoints_.find(found->directory);
  if (files == checkpoints_.end()) return std::nullopt;
  const auto file = files->second.find(kCleanerCheckpoint);
  if (file == files->second.end()) return std::nullopt;
  const auto line = file->second.find(partition);
  return line == file->second.end() ? std::nullopt : std::optional(line->second);
}

Result<> LogStore::set_cleaner_point(const TopicPartition& partition, Offset offset) {
  const auto found = entry(partition);
  if (!found) return {};
  MutexLock lock(checkpoint_mutex_);
  PartitionOffsets points = checkpoints_[found->directory][std::string(kCleanerCheckpoint)];
  points[partition] = offset;
  return found->directory->health().check(
      write_checkpoint(*found->directory, kCleanerCheckpoint, points));
}

Result<> LogStore::checkpoint_log_starts() {
  return write_checkpoints(kLogStartCheckpoint, [](const Log& log) -> std::optional<Offset> {
    const Offset start = log.log_start_offset();
    if (start <= log.first_segment_offset()) return std::nullopt;
    return start;
  });
}

Result<> LogStore::checkpoint_high_watermarks() {
  HighWatermarkOf high_watermark_of;
  PartitionOffsets earlier;
  {
    MutexLock lock(mutex_);
    high_watermark_of = high_watermark_of_;
    earlier = high_watermarks_;
  }
  return write_checkpoints(kHighWatermarkCheckpoint, [&](const Log& log) -> std::optional<Offset> {
    std::optional<Offset> now;
    if (high_watermark_of) now = high_watermark_of(log.partition());
    if (now) return std::min(*now, log.log_end_offset());  // a future log is behind
    // No replica runs it yet: what was known before the start still holds.
    const auto before = earlier.find(log.partition());
    if (before == earlier.end()) return std::nullopt;
    return before->second;
  });
}

int LogStore::delete_old_segments() {
  HighWatermarkOf high_watermark_of;
  {
    MutexLock lock(mutex_);
    high_watermark_of = high_watermark_of_;
  }
  if (!high_watermark_of) return 0;
  int deleted = 0;
  std::vector<std::shared_ptr<Log>> shortened;
  for (const std::shared_ptr<Log>& log : logs()) {
    const auto high_watermark = high_watermark_of(log->partition());
    if (!high_watermark) continue;
    const auto count = log->retire_old_segments(*high_watermark);
    if (!count || *count == 0) continue;  // an error took its log dir offline
    deleted += *count;
    shortened.push_back(log);
  }
  for (const Entry& entry : entries()) {
    // What a future log holds below its start; the rest is not its to judge.
    if (find(entry.log->partition()) == entry.log) continue;
    const auto count = entry.log->retire_old_segments(entry.log->log_start_offset());
    if (count && *count > 0) shortened.push_back(entry.log);
  }
  if (shortened.empty()) return 0;
  (void)checkpoint_log_starts();  // an error took the log dir offline, which refuses what follows
  for (const std::shared_ptr<Log>& log : shortened) (void)log->delete_retired_segments();
  return deleted;
}

// Stopping.

struct LogStore::Closing {
  std::vector<Entry> logs;
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> workers = 0;
  Callback<> done;
};

void LogStore::shut_down(Callback<> done) {
  std::vector<Repeated> repeated;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    repeated.swap(repeated_);
  }
  repeated.clear();
  auto closing = std::make_shared<Closing>();
  closing->logs = entries();
  closing->done = std::move(done);
  const std::size_t workers =
      directories_.size() *
      static_cast<std::size_t>(std::max(options_.recovery_threads_per_directory, 1));
  closing->workers = workers;
  for (std::size_t i = 0; i < workers; ++i) {
    executor_.post([this, closing] { close_next(closing); });
  }
}

void LogStore::close_next(const std::shared_ptr<Closing>& closing) {
  const std::size_t job = closing->next.fetch_add(1);
  if (job < closing->logs.size()) {
    // A failure took its log dir offline, or the disk is full.
    const Entry& entry = closing->logs[job];
    if (!entry.log->close()) entry.directory->forbid_marker();
    executor_.post([this, closing] { close_next(closing); });
  } else if (closing->workers.fetch_sub(1) == 1) {
    finish_close();
    std::move(closing->done)();
  }
}

void LogStore::finish_close() {
  // A dir that fails here is offline and gets no marker.
  (void)checkpoint_recovery_points();
  (void)checkpoint_log_starts();
  (void)checkpoint_high_watermarks();
  for (const auto& directory : directories_) {
    if (directory->is_online()) (void)directory->end_use();
  }
}

}  // namespace ottla::storage
