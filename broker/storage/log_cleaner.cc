#include "broker/storage/log_cleaner.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "broker/storage/compaction.h"
#include "broker/storage/compaction_plan.h"
#include "broker/storage/offset_map.h"

namespace ottla::storage {
namespace {

/// Between two looks at whether to stop, or to pause.
constexpr std::uint64_t kStepBytes = 1 << 20;

}  // namespace

struct LogCleaner::Worker {
  Worker(std::uint64_t bytes, double load_factor, env::Random& random)
      : map(bytes, load_factor, random) {}
  OffsetMap map;
  std::unique_ptr<Compaction> run;
  env::MonotonicTime began{};
  Mutex mutex{LockRank::Leaf};
  env::TimerHandle timer OTTLA_GUARDED_BY(mutex);
};

LogCleaner::LogCleaner(LogCleanerOptions options, env::FileSystem& files, env::Clock& clock,
                       env::Random& random, env::Executor& executor, LogStore& logs)
    : options_(options), files_(files), clock_(clock), executor_(executor), logs_(logs) {
  for (int i = 0; i < options_.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(
        options_.dedupe_bytes / static_cast<std::uint64_t>(options_.threads), options_.load_factor,
        random));
  }
}

LogCleaner::~LogCleaner() = default;

void LogCleaner::start() {
  for (const auto& worker : workers_) again(*worker, options_.backoff);
}

void LogCleaner::stop() {
  stopping_ = true;
  for (const auto& worker : workers_) {
    env::TimerHandle timer;
    {
      MutexLock lock(worker->mutex);
      timer.swap(worker->timer);
    }
  }
}

void LogCleaner::again(Worker& worker, std::chrono::nanoseconds pause) {
  if (stopping_) return;
  if (pause.count() == 0) return executor_.post([this, &worker] { work(worker); });
  env::TimerHandle timer = executor_.post_after(std::chrono::duration_cast<env::Duration>(pause),
                                                [this, &worker] { work(worker); });
  MutexLock lock(worker.mutex);
  if (!stopping_) worker.timer.swap(timer);
  lock.unlock();
  timer.reset();
  lock.lock();
}

void LogCleaner::work(Worker& worker) {
  if (stopping_) return;
  if (!worker.run) {
    if (!choose(worker)) return again(worker, options_.backoff);
    return again(worker, std::chrono::nanoseconds(0));
  }
  const auto step = worker.run->step(kStepBytes);
  if (!step) {
    give_up(worker, step.error());
    return again(worker, std::chrono::nanoseconds(0));
  }
  if (step->is_done) end(worker);
  std::chrono::nanoseconds pause{0};
  if (options_.max_bytes_per_second > 0 && step->bytes > 0) {
    const double share = options_.max_bytes_per_second / options_.threads;
    pause = std::chrono::nanoseconds(
        static_cast<std::int64_t>(static_cast<double>(step->bytes) / share * 1e9));
  }
  again(worker, pause);
}

bool LogCleaner::choose(Worker& worker) {
  std::shared_ptr<Log> dirtiest;
  LogFacts facts;
  Cleanable part;
  for (const std::shared_ptr<Log>& log : logs_.logs()) {
    const auto config = log->config();
    if (!config->cleanup_compact || log->segment_count() < 2) continue;
    const auto high_watermark = logs_.high_watermark(log->partition());
    if (!high_watermark) continue;
    {
      MutexLock lock(mutex_);
      if (busy_.contains(log->partition()) || uncleanable_.contains(log)) continue;
    }
    auto known = facts_of(*log, *high_watermark, logs_.cleaner_point(log->partition()));
    if (!known) continue;
    const Cleanable candidate = cleanable_part(*known, *config, clock_.wall_now_ms());
    if (!is_worth_cleaning(candidate, *config)) continue;
    if (dirtiest && candidate.dirty_ratio() <= part.dirty_ratio()) continue;
    dirtiest = log;
    facts = *std::move(known);
    part = candidate;
  }
  if (!dirtiest) return false;
  {
    MutexLock lock(mutex_);
    if (!busy_.insert(dirtiest->partition()).second) return true;  // another worker was faster
  }
  // What recovery reads again after a crash must not have been compacted.
  if (!dirtiest->flush() || !logs_.checkpoint_recovery_points()) {
    release(dirtiest->partition());
    return false;  // its log dir went offline
  }
  worker.map.clear();
  worker.began = clock_.now();
  worker.run = std::make_unique<Compaction>(files_, clock_, dirtiest, facts, part, worker.map);
  return true;
}

void LogCleaner::end(Worker& worker) {
  const Compaction& run = *worker.run;
  const TopicPartition partition = run.log()->partition();
  if (const auto point = run.cleaned_to()) {
    // A failure took the log dir offline.
    if (logs_.find(partition) == run.log()) (void)logs_.set_cleaner_point(partition, *point);
    const auto taken =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - worker.began);
    LOG(INFO) << "[" << partition << "] compacted below " << *point << ": " << run.bytes_before()
              << " bytes to " << run.bytes_after() << " in " << taken.count() << " ms, "
              << worker.map.size() << " keys";
  }
  worker.run.reset();
  worker.map.clear();
  ++finished_;
  release(partition);
}

void LogCleaner::give_up(Worker& worker, const Error& cause) {
  const std::shared_ptr<Log> log = worker.run->log();
  worker.run.reset();
  worker.map.clear();
  if (cause.code() == ErrorCode::KafkaStorageError) {
    (void)log->report(cause);
  } else {
    LOG(ERROR) << "[" << log->partition()
               << "] cannot be compacted, and is left as it is: " << cause;
  }
  if (cause.code() != ErrorCode::KafkaStorageError) {
    Uncleanable why{log->partition(), cause.describe(), log->size_bytes()};
    MutexLock lock(mutex_);
    uncleanable_[log] = std::move(why);
  }
  release(log->partition());
}

void LogCleaner::release(const TopicPartition& partition) {
  MutexLock lock(mutex_);
  busy_.erase(partition);
}

std::vector<LogCleaner::Uncleanable> LogCleaner::uncleanable() const {
  MutexLock lock(mutex_);
  std::vector<Uncleanable> all;
  for (const auto& [log, why] : uncleanable_) {
    if (!log.expired()) all.push_back(why);
  }
  return all;
}

}  // namespace ottla::storage
