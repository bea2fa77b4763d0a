#include "broker/storage/log_store.h"

#include <glog/logging.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace ottla::storage {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

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
    auto directory = LogDirectory::open(files, path, executor, on_offline);
    if (directory) {
      store->directories_.push_back(*std::move(directory));
      continue;
    }
    last = std::move(directory).error();
    // A wrong configuration is not a broken disk.
    if (last.code() != ErrorCode::KafkaStorageError) return fail(last);
    LOG(ERROR) << "[" << path << "] log dir is offline: " << last;
    store->failed_directories_.push_back(path);
  }
  if (store->directories_.empty()) return fail(last);
  OTTLA_TRY_VOID(store->agree_on_identity());
  return store;
}

Result<> LogStore::agree_on_identity() {
  for (const auto& directory : directories_) {
    if (!directory->meta()) continue;
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
  std::vector<std::string> offline = failed_directories_;
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

LogEnvironment LogStore::environment(LogDirectory& directory) {
  return {.files = files_,
          .clock = clock_,
          .executor = executor_,
          .health = directory.health(),
          .deletions = deletions_,
          .producer_expiration = options_.producer_expiration,
          .lower_recovery_checkpoint = [this, &directory](const TopicPartition& partition,
                                                          Offset offset) {
            return lower_recovery_checkpoint(directory, partition, offset);
          }};
}

// Loading.

struct LogStore::Loading {
  struct Directory {
    LogDirectory* directory = nullptr;
    PartitionOffsets recovery_points;
    PartitionOffsets log_starts;
    PartitionOffsets cleaner_points;
    PartitionOffsets high_watermarks;
    struct Job {
      std::string path;
      TopicPartition partition;
      bool is_future = false;
    };
    std::vector<Job> jobs;
    std::atomic<std::size_t> next_job = 0;
    DirectoryLoad result OTTLA_GUARDED_BY(mutex);
    Mutex mutex{LockRank::Leaf};
  };

  ConfigOf config_of;
  Callback<Result<std::vector<DirectoryLoad>>> done;
  std::vector<std::unique_ptr<Directory>> directories;
  std::atomic<std::size_t> workers = 0;
  env::MonotonicTime started;
};

void LogStore::load(ConfigOf config_of, Callback<Result<std::vector<DirectoryLoad>>> done) {
  auto loading = std::make_shared<Loading>();
  loading->config_of = std::move(config_of);
  loading->done = std::move(done);
  loading->started = clock_.now();
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    loading->directories.push_back(std::make_unique<Loading::Directory>());
    loading->directories.back()->directory = directories_[i].get();
    if (auto planned = plan_load(*loading, i); !planned && directories_[i]->is_online()) {
      executor_.post([loading, error = planned.error()] { std::move(loading->done)(fail(error)); });
      return;
    }
  }
  // An error took its log dir offline, which then loads nothing.
  (void)settle_moves(*loading);
  keep_high_watermarks(*loading);
  const auto threads =
      static_cast<std::size_t>(std::max(options_.recovery_threads_per_directory, 1));
  loading->workers = directories_.size() * threads;
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    for (std::size_t thread = 0; thread < threads; ++thread) {
      executor_.post([this, loading, i] { load_next(loading, i); });
    }
  }
}

Result<> LogStore::plan_load(Loading& loading, std::size_t number) {
  Loading::Directory& plan = *loading.directories[number];
  LogDirectory& directory = *plan.directory;
  {
    MutexLock lock(plan.mutex);
    plan.result.directory = directory.path();
    plan.result.shutdown = directory.shutdown_kind();
  }
  OTTLA_TRY(plan.recovery_points, directory.read_checkpoint(kRecoveryPointCheckpoint));
  OTTLA_TRY(plan.cleaner_points, directory.read_checkpoint(kCleanerCheckpoint));
  {
    MutexLock lock(checkpoint_mutex_);
    checkpoints_[&directory].emplace(kRecoveryPointCheckpoint, plan.recovery_points);
    checkpoints_[&directory].emplace(kCleanerCheckpoint, plan.cleaner_points);
  }
  OTTLA_TRY(plan.log_starts, directory.read_checkpoint(kLogStartCheckpoint));
  OTTLA_TRY(plan.high_watermarks, directory.read_checkpoint(kHighWatermarkCheckpoint));
  OTTLA_TRY(const auto entries, directory.list());
  for (const auto& [name, parsed] : entries) {
    const std::string path = directory.path() + "/" + name;
    switch (parsed.kind) {
      case DirectoryKind::Partition:
      case DirectoryKind::Future:
        plan.jobs.push_back({path, parsed.partition, parsed.kind == DirectoryKind::Future});
        break;
      case DirectoryKind::Deleted:
        deletions_.schedule({path}, loading.config_of(parsed.partition.topic)->file_delete_delay);
        break;
      case DirectoryKind::Stray:
        LOG(WARNING) << "[" << path << "] left alone: not a replica that is served";
        break;
      case DirectoryKind::Skipped:
      case DirectoryKind::Foreign:
        break;
    }
  }
  OTTLA_TRY_VOID(directory.begin_use());
  LOG(INFO) << "[" << directory.path() << "] loading " << plan.jobs.size() << " logs after a "
            << (directory.shutdown_kind() == ShutdownKind::Clean
                    ? "clean shutdown"
                    : name_of(directory.shutdown_kind()));
  return {};
}

/// A high watermark in another dir's checkpoint is of a log that was moved from there, or to it.
void LogStore::keep_high_watermarks(const Loading& loading) {
  MutexLock lock(mutex_);
  for (const auto& plan : loading.directories) {
    for (const Loading::Directory::Job& job : plan->jobs) {
      const auto line = plan->high_watermarks.find(job.partition);
      if (job.is_future || line == plan->high_watermarks.end()) continue;
      high_watermarks_[job.partition] = line->second;
    }
  }
}

/// A crash may have left a partition in two log dirs: the one that it was moved to counts.
Result<> LogStore::settle_moves(Loading& loading) {
  Result<> outcome;
  for (const auto& plan : loading.directories) {
    for (const Loading::Directory::Job& job : plan->jobs) {
      if (job.is_future || !plan->directory->is_online()) continue;
      const std::string note = job.path + "/" + std::string(kMovedFromFile);
      const auto settled = [&]() -> Result<> {
        OTTLA_TRY(const bool exists, plan->directory->health().check(files_.exists(note)));
        if (!exists) return {};
        OTTLA_TRY(const std::string text,
                  plan->directory->health().check(env::read_file(files_, note)));
        bool all_seen = true;
        for (const std::string& source : lines_of(text)) {
          const auto other = std::find_if(
              loading.directories.begin(), loading.directories.end(),
              [&](const auto& candidate) { return candidate->directory->path() == source; });
          if (other == loading.directories.end() || *other == plan) {
            const auto& failed = failed_directories_;
            if (std::find(failed.begin(), failed.end(), source) != failed.end()) all_seen = false;
            continue;
          }
          LogDirectory& directory = *(*other)->directory;
          if (!directory.is_online()) {
            all_seen = false;
            continue;
          }
          const auto left = std::find_if(
              (*other)->jobs.begin(), (*other)->jobs.end(), [&](const auto& candidate) {
                return candidate.partition == job.partition && !candidate.is_future;
              });
          if (left == (*other)->jobs.end()) continue;
          LOG(WARNING) << "[" << left->path << "] was moved to " << job.path
                       << ": what a crash left of it is removed";
          const std::string away =
              directory.path() + "/" + delete_directory_name(job.partition, random_.uuid());
          OTTLA_TRY_VOID(directory.health().check(files_.rename(left->path, away)));
          OTTLA_TRY_VOID(directory.health().check(files_.sync_directory(directory.path())));
          deletions_.schedule({away}, loading.config_of(job.partition.topic)->file_delete_delay);
          (*other)->jobs.erase(left);
        }
        if (!all_seen) return {};
        OTTLA_TRY_VOID(plan->directory->health().check(files_.remove(note)));
        return plan->directory->health().check(files_.sync_directory(job.path));
      };
      if (auto done = settled(); !done) outcome = std::move(done);
    }
  }
  return outcome;
}

void LogStore::load_next(const std::shared_ptr<Loading>& loading, std::size_t number) {
  Loading::Directory& plan = *loading->directories[number];
  const std::size_t job = plan.next_job.fetch_add(1);
  if (job < plan.jobs.size()) {
    if (plan.directory->is_online()) {
      load_log(*loading, number, job);
    } else {
      MutexLock lock(plan.mutex);
      ++plan.result.failed;
    }
    executor_.post([this, loading, number] { load_next(loading, number); });
  } else if (loading->workers.fetch_sub(1) == 1) {
    finish_load(*loading);
  }
}

void LogStore::load_log(Loading& loading, std::size_t number, std::size_t job) {
  Loading::Directory& plan = *loading.directories[number];
  const auto& [path, partition, is_future] = plan.jobs[job];
  const auto offset_in = [&partition = partition](const PartitionOffsets& offsets) {
    const auto found = offsets.find(partition);
    return found == offsets.end() ? Offset(0) : found->second;
  };
  auto log =
      Log::open(environment(*plan.directory), {.directory = path,
                                               .partition = partition,
                                               .config = loading.config_of(partition.topic),
                                               .log_start_offset = offset_in(plan.log_starts),
                                               .recovery_point = offset_in(plan.recovery_points),
                                               .shutdown = plan.directory->shutdown_kind(),
                                               .cleaner_point = offset_in(plan.cleaner_points)});
  if (!log) {
    LOG(ERROR) << "[" << path << "] cannot be loaded: " << log.error();
    // Also for a full disk, which may pass elsewhere: whoever goes on without this log loses it.
    (void)plan.directory->health().report(
        Error(ErrorCode::KafkaStorageError, path + " cannot be loaded: " + log.error().describe()));
    MutexLock lock(plan.mutex);
    ++plan.result.failed;
    return;
  }
  auto topic_id = read_partition_metadata(files_, path);
  if (!topic_id) LOG(ERROR) << "[" << path << "] topic id unknown: " << topic_id.error();
  {
    MutexLock lock(plan.mutex);
    ++plan.result.logs;
    plan.result.segments_scanned += (*log)->recovery().segments_scanned;
    plan.result.bytes_truncated += (*log)->recovery().bytes_truncated;
  }
  if (!is_future) check_high_watermark(**log, plan.directory->shutdown_kind());
  LOG_EVERY_T(INFO, 5) << "[" << plan.directory->path() << "] loaded " << job + 1 << " of "
                       << plan.jobs.size() << " logs";
  MutexLock lock(mutex_);
  Entry& entry = is_future ? futures_[partition] : logs_[partition];
  if (entry.log && is_future) {
    LOG(WARNING) << "[" << path << "] left alone: the partition has another future replica";
    return;
  }
  if (entry.log) {
    lock.unlock();
    // Two copies: only a human can tell which one is right.
    (void)plan.directory->health().report(Error(
        ErrorCode::KafkaStorageError, partition.to_string() + " is in two log dirs: remove one"));
    lock.lock();
    return;
  }
  entry = {*std::move(log), plan.directory, topic_id ? *topic_id : std::nullopt};
}

/// One behind the log's end is damaged (W9), and unknown then: the leader finds it again from its
/// followers. Unless the log lost its tail.
void LogStore::check_high_watermark(const Log& log, ShutdownKind shutdown) {
  if (shutdown == ShutdownKind::HostCrash) return;
  Offset found;
  {
    MutexLock lock(mutex_);
    const auto line = high_watermarks_.find(log.partition());
    if (line == high_watermarks_.end() || line->second <= log.log_end_offset()) return;
    found = line->second;
    high_watermarks_.erase(line);
  }
  LOG(ERROR) << "[" << log.partition() << "] high watermark " << found
             << " of the checkpoint is behind the log's end " << log.log_end_offset()
             << ": taken as unknown";
}

void LogStore::finish_load(Loading& loading) {
  drop_useless_futures();
  const auto taken =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - loading.started);
  std::vector<DirectoryLoad> results;
  for (const auto& plan : loading.directories) {
    MutexLock lock(plan->mutex);
    LOG(INFO) << "[" << plan->result.directory << "] " << plan->result.logs << " logs loaded in "
              << taken.count() << " ms, " << plan->result.segments_scanned << " segments scanned, "
              << plan->result.bytes_truncated << " bytes cut, " << plan->result.failed << " failed";
    results.push_back(plan->result);
  }
  std::move(loading.done)(std::move(results));
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

LogDirectory* LogStore::emptiest_directory() const {
  std::map<const LogDirectory*, std::size_t> counts;
  {
    MutexLock lock(mutex_);
    for (const auto& [partition, entry] : logs_) ++counts[entry.directory];
    for (const auto& [partition, entry] : futures_) ++counts[entry.directory];
  }
  LogDirectory* emptiest = nullptr;
  for (const auto& directory : directories_) {
    if (!directory->is_online()) continue;
    if (emptiest == nullptr || counts[directory.get()] < counts[emptiest]) {
      emptiest = directory.get();
    }
  }
  return emptiest;
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
    OTTLA_TRY(result.log,
              Log::open(environment(*result.directory),
                        {.directory = result.directory->path() + "/" + partition.to_string(),
                         .partition = partition,
                         .config = std::move(config)}));
  }
  if (!topic_id.is_zero()) {
    OTTLA_TRY_VOID(result.directory->health().check(
        write_partition_metadata(files_, result.log->directory(), topic_id)));
    result.topic_id = topic_id;
  }
  MutexLock lock(mutex_);
  logs_[partition] = result;
  preferred_.erase(partition);
  return result.log;
}

Result<std::string> LogStore::rename_away(const TopicPartition& partition,
                                          const std::string& new_name) {
  // First what a new log of the same name could be taken for, or meet in its directory.
  OTTLA_TRY_VOID(discard_future(partition));
  OTTLA_TRY_VOID(retire(partition));
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
  OTTLA_TRY(const std::string path,
            rename_away(partition, stray_directory_name(partition, random_.uuid())));
  if (!path.empty()) {
    LOG(WARNING) << "[" << partition << "] not assigned to this broker: kept as " << path;
  }
  return {};
}

// Background work.

void LogStore::start(HighWatermarkOf high_watermark_of) {
  {
    MutexLock lock(mutex_);
    high_watermark_of_ = std::move(high_watermark_of);
  }
  // Errors of these took their log dir offline, and were told, where they happened.
  repeat(options_.high_watermark_checkpoint_interval,
         [this] { (void)checkpoint_high_watermarks(); });
  repeat(options_.recovery_checkpoint_interval, [this] { (void)checkpoint_recovery_points(); });
  repeat(options_.log_start_checkpoint_interval, [this] { (void)checkpoint_log_starts(); });
  repeat(options_.retention_check_interval, [this] { delete_old_segments(); });
  repeat(options_.producer_expiration_check_interval, [this] {
    for (const auto& log : logs()) log->expire_producers();
  });
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
  std::vector<std::shared_ptr<Log>> logs;
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
  for (const Entry& entry : entries()) closing->logs.push_back(entry.log);
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
    (void)closing->logs[job]->close();  // a failure took its log dir offline
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
