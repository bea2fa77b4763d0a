#include "broker/storage/log_cleaner.h"

#include <glog/logging.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "broker/storage/compaction.h"
#include "broker/storage/compaction_plan.h"
#include "broker/storage/offset_map.h"
#include "common/metrics/log_metrics.h"

namespace ottla::storage {
namespace {

/// Between two looks at whether to stop, or to pause.
constexpr std::uint64_t kStepBytes = 1 << 20;
constexpr std::uint64_t kLeastBuffer = 4096;
/// Damaged batches of one run that the log names.
constexpr std::size_t kMostTold = 20;

/// Of all I/O errors only a full disk leaves the log dir in use.
bool is_passing(const Error& cause) {
  return cause.code() != ErrorCode::KafkaStorageError ||
         env::io_error_kind(cause) == env::IoErrorKind::DiskFull;
}

}  // namespace

struct LogCleaner::Worker {
  Worker(Crew& its_crew, int its_number, std::uint64_t table_bytes, double load_factor,
         env::Random& random)
      : crew(its_crew), number(its_number), map(table_bytes, load_factor, random) {}
  Crew& crew;
  const int number;
  OffsetMap map;
  std::unique_ptr<Compaction> run;
  env::MonotonicTime began{};
  Mutex mutex{LockRank::Leaf};
  env::TimerHandle timer OTTLA_GUARDED_BY(mutex);
};

/// The workers of one setting.
struct LogCleaner::Crew {
  explicit Crew(const LogCleanerOptions& its_options) : options(its_options) {}
  const LogCleanerOptions options;
  std::atomic<bool> stopping = false;
  std::vector<std::unique_ptr<Worker>> workers;
  env::Executor* executor = nullptr;
  std::unique_ptr<env::Executor> owned_executor;  ///< Ends first; its tasks use what is above.
};

LogCleaner::LogCleaner(LogCleanerOptions options, Dependencies with)
    : with_(std::move(with)),
      logs_(with_.logs),
      options_(options),
      max_bytes_per_second_(options.max_bytes_per_second),
      last_look_({.at = with_.clock.now()}) {
  if (with_.metrics == nullptr) return;
  bytes_ = with_.metrics->counter(metrics::kCleanerIo);
  declare_gauges(*with_.metrics);
}

LogCleaner::~LogCleaner() {
  stop();
}

void LogCleaner::start() {
  MutexLock lock(control_mutex_);
  started_ = true;
  start_crew();
}

void LogCleaner::stop() {
  MutexLock lock(control_mutex_);
  started_ = false;
  stop_crew();
}

void LogCleaner::reconfigure(LogCleanerOptions options) {
  MutexLock lock(control_mutex_);
  max_bytes_per_second_ = options.max_bytes_per_second;
  std::swap(options_, options);
  options.max_bytes_per_second = options_.max_bytes_per_second;
  if (!started_ || options == options_) return;
  LOG(INFO) << "[log cleaner] goes on with " << options_.threads << " threads, "
            << options_.dedupe_bytes << " bytes for keys, back-off " << options_.backoff.count()
            << " ms";
  stop_crew();
  start_crew();
}

void LogCleaner::start_crew() {
  if (options_.threads <= 0) return;
  const auto threads = static_cast<std::uint64_t>(options_.threads);
  crew_ = std::make_unique<Crew>(options_);
  for (int number = 0; number < options_.threads; ++number) {
    crew_->workers.push_back(std::make_unique<Worker>(
        *crew_, number, options_.dedupe_bytes / threads, options_.load_factor, with_.random));
  }
  crew_->owned_executor = with_.make_executor(threads);
  crew_->executor = crew_->owned_executor.get();
  for (const auto& worker : crew_->workers) again(*worker, options_.backoff);
}

void LogCleaner::stop_crew() {
  if (!crew_) return;
  crew_->stopping = true;
  for (const auto& worker : crew_->workers) {
    env::TimerHandle timer;
    MutexLock lock(worker->mutex);
    timer.swap(worker->timer);
  }
  crew_->owned_executor.reset();
  crew_.reset();
  MutexLock lock(mutex_);
  busy_.clear();
  last_runs_.clear();
}

void LogCleaner::again(Worker& worker, std::chrono::nanoseconds pause) {
  Crew& crew = worker.crew;
  if (crew.stopping) return;
  if (pause.count() == 0) return crew.executor->post([this, &worker] { work(worker); });
  env::TimerHandle timer = crew.executor->post_after(
      std::chrono::duration_cast<env::Duration>(pause), [this, &worker] { work(worker); });
  MutexLock lock(worker.mutex);
  if (!crew.stopping) worker.timer.swap(timer);
  lock.unlock();
  timer.reset();
  lock.lock();
}

void LogCleaner::work(Worker& worker) {
  if (worker.crew.stopping) return;
  if (!worker.run) {
    if (!choose(worker)) {
      // Also when it is 0: an idle cleaner must not spin.
      const auto backoff = std::max(worker.crew.options.backoff, std::chrono::milliseconds(1));
      return again(worker, backoff);
    }
    return again(worker, std::chrono::nanoseconds(0));
  }
  const auto step = worker.run->step(kStepBytes);
  if (!step) {
    give_up(worker, step.error());
    return again(worker, std::chrono::nanoseconds(0));
  }
  if (bytes_) bytes_->add(static_cast<std::int64_t>(step->bytes));
  if (step->is_done) end(worker);
  again(worker, pause_after(step->bytes, worker.crew.options.threads));
}

std::chrono::nanoseconds LogCleaner::pause_after(std::uint64_t bytes, int threads) const {
  const double rate = max_bytes_per_second_;
  if (rate <= 0) return {};
  const double share = rate / threads;
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(static_cast<double>(bytes) / share * 1e9));
}

bool LogCleaner::choose(Worker& worker) {
  std::shared_ptr<Log> dirtiest;
  LogFacts facts;
  Cleanable part;
  LastLook look{.at = with_.clock.now()};
  for (const std::shared_ptr<Log>& log : logs_.logs()) {
    const auto config = log->config();
    if (!config->cleanup_compact || log->segment_count() < 2 || log->compaction_held()) continue;
    const auto high_watermark = logs_.high_watermark(log->partition());
    if (!high_watermark) continue;
    // A group of segments is written anew before it goes.
    const auto most_written = std::min<std::uint64_t>(
        log->size_bytes(), static_cast<std::uint64_t>(config->segment_bytes));
    if (!logs_.has_room_for(log->partition(), most_written)) continue;
    {
      MutexLock lock(mutex_);
      if (busy_.contains(log->partition())) continue;
    }
    auto known = facts_of(*log, *high_watermark, logs_.cleaner_point(log->partition()));
    if (!known) continue;  // its log dir goes offline
    const Cleanable candidate = cleanable_part(*known, *config, with_.clock.wall_now_ms());
    {
      MutexLock lock(mutex_);
      if (uncleanable_.must_wait(log, candidate.dirty_bytes, look.at)) continue;
    }
    look.dirtiest = std::max(look.dirtiest, candidate.dirty_ratio());
    look.delay_ms = std::max(look.delay_ms, candidate.overdue_by_ms);
    if (!is_worth_cleaning(candidate, *config)) continue;
    if (dirtiest && candidate.dirty_ratio() <= part.dirty_ratio()) continue;
    dirtiest = log;
    facts = *std::move(known);
    part = candidate;
  }
  {
    MutexLock lock(mutex_);
    last_look_ = look;
    if (!dirtiest) return false;
    if (!busy_.insert(dirtiest->partition()).second) return true;  // another worker was faster
  }
  // What recovery reads again after a crash must not have been compacted.
  Result<> durable = dirtiest->flush();
  if (durable) {
    durable = logs_.checkpoint_recovery_points(logs_.directory_of(dirtiest->partition()));
  }
  if (!durable) {
    if (is_passing(durable.error())) set_apart(dirtiest, durable.error());
    release(dirtiest->partition());
    return false;
  }
  const LogCleanerOptions& options = worker.crew.options;
  // Half of it is for reading.
  const std::uint64_t buffer =
      options.io_buffer_bytes / static_cast<std::uint64_t>(options.threads) / 2;
  worker.map.clear();
  worker.began = with_.clock.now();
  worker.run =
      std::make_unique<Compaction>(with_.files, with_.clock, dirtiest, facts, part, worker.map,
                                   static_cast<std::size_t>(std::max(buffer, kLeastBuffer)));
  return true;
}

void LogCleaner::end(Worker& worker) {
  const Compaction& run = *worker.run;
  const TopicPartition partition = run.log()->partition();
  if (const auto point = run.cleaned_to()) {
    // A failure took the log dir offline.
    if (logs_.find(partition) == run.log()) (void)logs_.set_cleaner_point(partition, *point);
    const LastRun last{.bytes_before = run.bytes_before(),
                       .bytes_after = run.bytes_after(),
                       .table_used = worker.map.utilization(),
                       .taken = with_.clock.now() - worker.began};
    LOG(INFO) << "[" << partition << "] compacted below " << *point << ": " << last.bytes_before
              << " bytes to " << last.bytes_after << " in "
              << std::chrono::duration_cast<std::chrono::milliseconds>(last.taken).count()
              << " ms, " << worker.map.size() << " keys";
    const std::string directory = logs_.directory_of(partition);
    UncleanableLogs::News news;
    {
      MutexLock lock(mutex_);
      last_runs_[worker.number] = last;
      news = uncleanable_.cleaned(run.log(), directory, run.damaged());
    }
    tell(partition, news);
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
  if (cause.code() == ErrorCode::KafkaStorageError) (void)log->report(cause);
  if (is_passing(cause)) set_apart(log, cause);
  release(log->partition());
}

void LogCleaner::set_apart(const std::shared_ptr<Log>& log, const Error& cause) {
  const env::MonotonicTime now = with_.clock.now();
  UncleanableLogs::Entry seen{.partition = log->partition(),
                              .reason = cause.describe(),
                              .directory = logs_.directory_of(log->partition()),
                              .bytes = log->size_bytes()};
  MutexLock lock(mutex_);
  const UncleanableLogs::Entry entry = uncleanable_.failed(log, std::move(seen), now);
  lock.unlock();
  LOG(ERROR) << "[" << entry.partition << "] cannot be compacted, attempt " << entry.attempts
             << ", the next one in "
             << std::chrono::duration_cast<std::chrono::seconds>(entry.retry_at - now).count()
             << " s: " << cause;
  lock.lock();
}

void LogCleaner::tell(const TopicPartition& partition, const UncleanableLogs::News& news) const {
  if (news.is_back) LOG(INFO) << "[" << partition << "] can be compacted again";
  std::size_t told = 0;
  for (const DamagedBatch& batch : news.damaged) {
    if (++told > kMostTold) break;
    LOG(ERROR) << "[" << partition
               << "] a damaged batch stays as it is, the log was compacted around"
               << " it: offset " << batch.offset << ", " << batch.file << " at position "
               << batch.position << ", " << batch.bytes << " bytes: " << batch.cause;
  }
  if (news.damaged.size() > kMostTold) {
    LOG(ERROR) << "[" << partition << "] and " << news.damaged.size() - kMostTold
               << " more damaged batches";
  }
}

void LogCleaner::release(const TopicPartition& partition) {
  MutexLock lock(mutex_);
  busy_.erase(partition);
}

std::vector<UncleanableLogs::Entry> LogCleaner::uncleanable() const {
  MutexLock lock(mutex_);
  return uncleanable_.entries();
}

template <class Figure>
double LogCleaner::most_of_last_runs(Figure figure) const {
  MutexLock lock(mutex_);
  double most = 0;
  for (const auto& [number, run] : last_runs_) most = std::max(most, figure(run));
  return most;
}

void LogCleaner::declare_gauges(metrics::Registry& registry) {
  const auto gauge = [&](const metrics::Metric& metric, std::function<double()> value) {
    gauges_.push_back(registry.gauge(metric, std::move(value)));
  };
  gauge(metrics::kCleanerMaxBufferUtilization, [this] {
    return most_of_last_runs([](const LastRun& run) { return run.table_used * 100; });
  });
  gauge(metrics::kCleanerMaxCleanTimeSecs, [this] {
    return most_of_last_runs(
        [](const LastRun& run) { return std::chrono::duration<double>(run.taken).count(); });
  });
  gauge(metrics::kCleanerRecopyPercent, [this] {
    MutexLock lock(mutex_);
    double before = 0;
    double after = 0;
    for (const auto& [number, run] : last_runs_) {
      before += static_cast<double>(run.bytes_before);
      after += static_cast<double>(run.bytes_after);
    }
    return before > 0 ? after / before * 100 : 0;
  });
  gauge(metrics::kCleanerMaxCompactionDelaySecs, [this] {
    MutexLock lock(mutex_);
    return static_cast<double>(last_look_.delay_ms) / 1000;
  });
  gauge(metrics::kCleanerMaxDirtyPercent, [this] {
    MutexLock lock(mutex_);
    return last_look_.dirtiest * 100;
  });
  gauge(metrics::kCleanerTimeSinceLastRunMs, [this] {
    MutexLock lock(mutex_);
    return std::chrono::duration<double, std::milli>(with_.clock.now() - last_look_.at).count();
  });
  gauge(metrics::kCleanerDeadThreadCount, [] { return 0.0; });
  const auto by_directory = [&](const metrics::Metric& metric, auto figure) {
    gauges_.push_back(registry.gauges(metric, [this, figure](metrics::GaugeSink& sink) {
      std::map<std::string, double> sums;
      for (const std::string& directory : logs_.directories()) sums[directory] = 0;
      for (const UncleanableLogs::Entry& log : uncleanable()) sums[log.directory] += figure(log);
      for (const auto& [directory, sum] : sums) sink.add({directory}, sum);
    }));
  };
  by_directory(metrics::kUncleanablePartitionsCount,
               [](const UncleanableLogs::Entry&) { return 1.0; });
  by_directory(metrics::kUncleanableBytes,
               [](const UncleanableLogs::Entry& log) { return static_cast<double>(log.bytes); });
  gauges_.push_back(
      registry.gauges(metrics::kDamagedBatchesCount, [this](metrics::GaugeSink& sink) {
        MutexLock lock(mutex_);
        auto sums = uncleanable_.damaged_batches();
        lock.unlock();
        for (const std::string& directory : logs_.directories()) sums.try_emplace(directory, 0);
        for (const auto& [directory, sum] : sums) sink.add({directory}, static_cast<double>(sum));
        lock.lock();
      }));
}

}  // namespace ottla::storage
