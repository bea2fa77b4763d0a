// LogStore: opening the logs of its directories.
#include <glog/logging.h>

#include <algorithm>

#include "broker/storage/file_names.h"
#include "broker/storage/log_store_loading.h"

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

void LogStore::load(ConfigOf config_of, Callback<Result<std::vector<DirectoryLoad>>> done) {
  {
    MutexLock lock(mutex_);
    config_of_ = config_of;
  }
  auto loading = std::make_shared<Loading>();
  loading->config_of = std::move(config_of);
  loading->done = std::move(done);
  loading->started = clock_.now();
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    look_at_space(*directories_[i]);  // a full disk needs its reserve for what follows
    loading->directories.push_back(std::make_unique<Loading::Directory>());
    loading->directories.back()->directory = directories_[i].get();
    loading->directories.back()->health = &directories_[i]->health();
    if (auto planned = plan_load(*loading, i); !planned && directories_[i]->is_online()) {
      executor_.post([loading, error = planned.error()] { std::move(loading->done)(fail(error)); });
      return;
    }
  }
  // An error took its log dir offline, which then loads nothing.
  (void)settle_moves(*loading);
  open_logs(loading);
}

void LogStore::open_logs(const std::shared_ptr<Loading>& loading) {
  keep_high_watermarks(*loading);
  const auto threads =
      static_cast<std::size_t>(std::max(options_.recovery_threads_per_directory, 1));
  loading->workers = loading->directories.size() * threads;
  for (const auto& plan : loading->directories) {
    plan->segments_left = std::vector<std::atomic<std::size_t>>(threads);
    plan->measuring = threads;
  }
  show_progress_of(loading);
  for (std::size_t i = 0; i < loading->directories.size(); ++i) {
    const Loading::Directory& plan = *loading->directories[i];
    if (plan.jobs.empty() || plan.directory->shutdown_kind() == ShutdownKind::Clean) {
      start_opening(loading, i);
      continue;
    }
    for (std::size_t worker = 0; worker < threads; ++worker) {
      executor_.post([this, loading, i] { measure_next(loading, i); });
    }
  }
}

/// How much there is to read of each log, for the order in which they are opened.
void LogStore::measure_next(const std::shared_ptr<Loading>& loading, std::size_t number) {
  Loading::Directory& plan = *loading->directories[number];
  const std::size_t next = plan.next_to_measure.fetch_add(1);
  if (next < plan.jobs.size() && plan.health->is_online()) {
    Loading::Directory::Job& job = plan.jobs[next];
    const auto point = plan.recovery_points.find(job.partition);
    // What cannot be listed cannot be opened either, which then tells.
    const auto bytes = bytes_behind(
        files_, job.path, point == plan.recovery_points.end() ? Offset(0) : point->second);
    if (bytes) job.bytes_to_read = *bytes;
    plan.bytes_to_read += job.bytes_to_read;
    executor_.post([this, loading, number] { measure_next(loading, number); });
    return;
  }
  if (plan.measuring.fetch_sub(1) == 1) start_opening(loading, number);
}

void LogStore::start_opening(const std::shared_ptr<Loading>& loading, std::size_t number) {
  Loading::Directory& plan = *loading->directories[number];
  std::sort(plan.jobs.begin(), plan.jobs.end(), [](const auto& one, const auto& other) {
    return opens_before({one.partition, one.bytes_to_read}, {other.partition, other.bytes_to_read});
  });
  for (std::size_t worker = 0; worker < plan.segments_left.size(); ++worker) {
    executor_.post([this, loading, number, worker] { load_next(loading, number, worker); });
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
  if (!plan.health->is_online()) return fail(ErrorCode::KafkaStorageError);
  OTTLA_TRY(plan.recovery_points, directory.read_checkpoint(kRecoveryPointCheckpoint));
  OTTLA_TRY(plan.cleaner_points, directory.read_checkpoint(kCleanerCheckpoint));
  {
    MutexLock lock(checkpoint_mutex_);
    auto& files = checkpoints_[&directory];
    files.clear();
    files.emplace(kRecoveryPointCheckpoint, plan.recovery_points);
    files.emplace(kCleanerCheckpoint, plan.cleaner_points);
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
        list_stray(path);
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
      if (job.is_future || !plan->health->is_online()) continue;
      const std::string note = job.path + "/" + std::string(kMovedFromFile);
      const auto settled = [&]() -> Result<> {
        OTTLA_TRY(const bool exists, plan->health->check(files_.exists(note)));
        if (!exists) return {};
        OTTLA_TRY(const std::string text, plan->health->check(env::read_file(files_, note)));
        bool all_seen = true;
        for (const std::string& source : lines_of(text)) {
          const auto other = std::find_if(
              loading.directories.begin(), loading.directories.end(),
              [&](const auto& candidate) { return candidate->directory->path() == source; });
          if (other == loading.directories.end() || *other == plan) {
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
        OTTLA_TRY_VOID(plan->health->check(files_.remove(note)));
        return plan->health->check(files_.sync_directory(job.path));
      };
      if (auto done = settled(); !done) outcome = std::move(done);
    }
  }
  return outcome;
}

void LogStore::load_next(const std::shared_ptr<Loading>& loading, std::size_t number,
                         std::size_t worker) {
  Loading::Directory& plan = *loading->directories[number];
  const std::size_t job = plan.next_job.fetch_add(1);
  if (job < plan.jobs.size()) {
    if (plan.health->is_online()) {
      load_log(*loading, number, job, worker);
    } else {
      MutexLock lock(plan.mutex);
      ++plan.result.failed;
    }
    ++plan.jobs_done;
    plan.tell_progress();
    executor_.post([this, loading, number, worker] { load_next(loading, number, worker); });
  } else if (loading->workers.fetch_sub(1) == 1) {
    finish_load(loading);
  }
}

void LogStore::load_log(Loading& loading, std::size_t number, std::size_t job, std::size_t worker) {
  Loading::Directory& plan = *loading.directories[number];
  const auto& [path, partition, is_future, bytes_to_read] = plan.jobs[job];
  const auto offset_in = [&partition = partition](const PartitionOffsets& offsets) {
    const auto found = offsets.find(partition);
    return found == offsets.end() ? Offset(0) : found->second;
  };
  if (loading.is_return) {
    if (const Result<> clean = forget_cached(path); !clean) {
      (void)plan.health->report(clean.error());
      MutexLock lock(plan.mutex);
      ++plan.result.failed;
      return;
    }
  }
  auto log = Log::open(environment(*plan.directory, *plan.health),
                       {.directory = path,
                        .partition = partition,
                        .config = loading.config_of(partition.topic),
                        .log_start_offset = offset_in(plan.log_starts),
                        .recovery_point = offset_in(plan.recovery_points),
                        .shutdown = plan.directory->shutdown_kind(),
                        .cleaner_point = offset_in(plan.cleaner_points),
                        .on_progress = [&plan, worker](std::size_t segments, std::uint64_t bytes) {
                          plan.segments_left[worker] = segments;
                          plan.bytes_done += bytes;
                          plan.tell_progress();
                        }});
  plan.segments_left[worker] = 0;
  if (!log) {
    LOG(ERROR) << "[" << path << "] cannot be loaded: " << log.error();
    if (log.error().code() != ErrorCode::KafkaStorageError) {
      return set_apart(loading, number, job);
    }
    // Also for a full disk, which may pass elsewhere: whoever goes on without this log loses it.
    (void)plan.health->report(
        Error(ErrorCode::KafkaStorageError, path + " cannot be loaded: " + log.error().describe()));
    MutexLock lock(plan.mutex);
    ++plan.result.failed;
    return;
  }
  if (!is_future) {
    MutexLock lock(mutex_);
    set_apart_.erase(partition);  // somebody repaired it
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
  if (loading.is_return) {
    MutexLock lock(plan.mutex);
    plan.returned.push_back(
        {plan.jobs[job], {*std::move(log), plan.directory, topic_id ? *topic_id : std::nullopt}});
    return;
  }
  MutexLock lock(mutex_);
  Entry& entry = is_future ? futures_[partition] : logs_[partition];
  if (entry.log && is_future) {
    LOG(WARNING) << "[" << path << "] left alone: the partition has another future replica";
    return;
  }
  Entry loaded{*std::move(log), plan.directory, topic_id ? *topic_id : std::nullopt};
  if (!entry.log) {
    entry = std::move(loaded);
    return;
  }
  lock.unlock();
  {
    MutexLock duplicates_lock(loading.mutex);
    loading.duplicates.push_back({number, std::move(loaded)});
  }
  lock.lock();
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

void LogStore::finish_load(const std::shared_ptr<Loading>& loading) {
  loading->is_over = true;
  if (!loading->is_return) {
    settle_duplicates(*loading);
    drop_useless_futures();
  }
  const auto taken =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - loading->started);
  std::vector<DirectoryLoad> results;
  for (const auto& plan : loading->directories) {
    MutexLock lock(plan->mutex);
    LOG(INFO) << "[" << plan->result.directory << "] " << plan->result.logs << " logs loaded in "
              << taken.count() << " ms, " << plan->result.segments_scanned << " segments scanned, "
              << plan->result.bytes_truncated << " bytes cut, " << plan->result.failed
              << " failed, " << plan->result.set_apart << " set apart";
    results.push_back(plan->result);
  }
  if (loading->is_return) return finish_return(loading, results.front());
  std::move(loading->done)(std::move(results));
}

}  // namespace ottla::storage
