// LogStore: the care for its directories while they are in use: room, and coming back.
#include <glog/logging.h>

#include <algorithm>

#include "broker/storage/file_names.h"
#include "broker/storage/log_store_loading.h"

namespace ottla::storage {
namespace {

/// What was made longer ago shows in the free bytes.
constexpr env::Duration kLately = std::chrono::hours(1);
constexpr std::size_t kMostMadeLately = 10'000;

constexpr std::size_t kToldTopics = 5;

/// Between probes of a disk that stays away, and of one that comes back only to fail again.
constexpr env::Duration kLongestProbeWait = std::chrono::minutes(1);
constexpr env::Duration kLongestReturnWait = std::chrono::minutes(30);
/// A dir that was good for so long is no dir that keeps failing.
constexpr env::Duration kProvenGood = std::chrono::minutes(10);

}  // namespace

void LogStore::look_after(LogDirectory& directory) {
  if (directory.is_online()) {
    look_at_space(directory);
  } else if (is_probe_due(directory)) {
    try_return(directory);
  }
}

// Room.

void LogStore::look_at_space(LogDirectory& directory) {
  const SpaceLimits limits = options_.space_limits
                                 ? options_.space_limits()
                                 : SpaceLimits{.reserve_bytes = 0, .min_free_bytes = 0};
  const auto change = directory.look_at_space(limits);
  if (!change) return;
  const std::string free = std::to_string(change->space.usable_bytes >> 20) + " of " +
                           std::to_string(change->space.total_bytes >> 20) + " MiB are free";
  switch (change->after) {
    case SpaceState::Enough:
      LOG(INFO) << "[" << directory.path() << "] has room again, takes records: " << free;
      return;
    case SpaceState::Low:
      LOG(WARNING) << "[" << directory.path() << "] refuses records of clients: " << free
                   << "; largest topics: " << largest_topics(directory);
      break;
    case SpaceState::Full:
      LOG(ERROR) << "[" << directory.path() << "] is full, refuses all records: " << free
                 << "; largest topics: " << largest_topics(directory);
      break;
  }
  if (change->before == SpaceState::Enough) delete_old_segments();
}

std::string LogStore::largest_topics(const LogDirectory& directory) const {
  std::map<std::string, std::uint64_t> sizes;
  for (const Entry& entry : entries()) {
    if (entry.directory != &directory) continue;
    sizes[entry.log->partition().topic] += entry.log->size_bytes();
  }
  std::vector<std::pair<std::uint64_t, std::string>> sorted;
  for (const auto& [topic, bytes] : sizes) sorted.emplace_back(bytes, topic);
  std::sort(sorted.rbegin(), sorted.rend());
  if (sorted.size() > kToldTopics) sorted.resize(kToldTopics);
  std::string text;
  for (const auto& [bytes, topic] : sorted) {
    if (!text.empty()) text += ", ";
    text += topic + " " + std::to_string(bytes >> 20) + " MiB";
  }
  return text.empty() ? "none" : text;
}

/// The free bytes, divided among what was made there lately and the new log: equal disks get as
/// many each, a larger one gets more, and a burst does not all go to the emptiest.
LogDirectory* LogStore::roomiest_directory() {
  std::map<const LogDirectory*, std::size_t> counts;
  std::map<const LogDirectory*, std::size_t> lately;
  {
    MutexLock lock(mutex_);
    while (!made_lately_.empty() && (made_lately_.size() > kMostMadeLately ||
                                     clock_.now() - made_lately_.front().first > kLately)) {
      made_lately_.pop_front();
    }
    for (const auto& [time, directory] : made_lately_) ++lately[directory];
    for (const auto& [partition, entry] : logs_) ++counts[entry.directory];
    for (const auto& [partition, entry] : futures_) ++counts[entry.directory];
  }
  struct Candidate {
    LogDirectory* directory = nullptr;
    bool takes_records = false;
    double share = 0;
    std::size_t count = 0;
  };
  Candidate best;
  for (const auto& directory : directories_) {
    if (!directory->is_online()) continue;
    const LogDirectory* const key = directory.get();
    const Candidate candidate{directory.get(), directory->health().space() == SpaceState::Enough,
                              static_cast<double>(directory->usable_bytes().value_or(1)) /
                                  static_cast<double>(lately[key] + 1),
                              counts[key]};
    const auto rank = [](const Candidate& each) {
      return std::tuple(each.takes_records, each.share, -static_cast<std::int64_t>(each.count));
    };
    if (best.directory == nullptr || rank(candidate) > rank(best)) best = candidate;
  }
  if (best.directory != nullptr) {
    MutexLock lock(mutex_);
    made_lately_.emplace_back(clock_.now(), best.directory);
  }
  return best.directory;
}

std::vector<DirectoryState> LogStore::directory_states() const {
  std::vector<DirectoryState> states;
  for (const auto& directory : directories_) {
    states.push_back({directory->path(), directory->is_online(), directory->health().space(),
                      directory->usable_bytes(), directory->health().is_slow(),
                      directory->total_bytes()});
  }
  return states;
}

// Coming back.

bool LogStore::is_probe_due(LogDirectory& directory) {
  if (!options_.probe_interval) return false;
  const env::MonotonicTime now = clock_.now();
  MutexLock lock(mutex_);
  if (stopping_) return false;
  Return& state = returns_[&directory];
  if (state.is_under_way) return false;
  if (!state.is_counted) {
    const bool keeps_failing =
        state.came_back != env::MonotonicTime{} && now - state.came_back < kProvenGood;
    state.wait = keeps_failing ? std::min(state.wait * 2, kLongestReturnWait)
                               : env::Duration(*options_.probe_interval);
    state.next_probe = now + state.wait;
    state.is_counted = true;
    state.hindrance.clear();
  }
  if (now < state.next_probe) return false;
  state.is_under_way = true;
  return true;
}

void LogStore::put_off_probe(LogDirectory& directory, const Error& hindrance) {
  const std::string text = hindrance.describe();
  bool is_news = false;
  {
    MutexLock lock(mutex_);
    Return& state = returns_[&directory];
    state.is_under_way = false;
    // It may be longer already: of a dir that came back only to fail.
    if (state.wait < kLongestProbeWait) state.wait = std::min(state.wait * 2, kLongestProbeWait);
    state.next_probe = clock_.now() + state.wait;
    is_news = state.hindrance != text;
    state.hindrance = text;
  }
  LOG_IF(WARNING, is_news) << "[" << directory.path() << "] log dir stays offline: " << text;
}

void LogStore::try_return(LogDirectory& directory) {
  auto planned = plan_return(directory);
  if (!planned) return put_off_probe(directory, planned.error());
  open_logs(*planned);
}

Result<std::shared_ptr<LogStore::Loading>> LogStore::plan_return(LogDirectory& directory) {
  MetaProperties identity;
  auto loading = std::make_shared<Loading>();
  {
    MutexLock lock(mutex_);
    loading->config_of = config_of_;
    identity = identity_;
  }
  OTTLA_TRY_VOID(directory.probe(identity, random_));
  // Whoever was stuck in the middle of an operation when the dir failed is out of it after this.
  for (const Entry& entry : entries()) {
    if (entry.directory == &directory) entry.log->abandon();
  }
  LogHealth* life = nullptr;
  {
    MutexLock lock(checkpoint_mutex_);
    OTTLA_TRY(life, directory.prepare_return());
  }
  LOG(INFO) << "[" << directory.path() << "] works again: its logs are recovered";
  loading->is_return = true;
  loading->started = clock_.now();
  loading->directories.push_back(std::make_unique<Loading::Directory>());
  loading->directories.back()->directory = &directory;
  loading->directories.back()->health = life;
  OTTLA_TRY_VOID(plan_load(*loading, 0));
  return loading;
}

/// A page that could not be written may look clean and be nowhere but in the cache.
Result<> LogStore::forget_cached(const std::string& directory) {
  OTTLA_TRY(const auto entries, files_.list(directory));
  for (const env::DirectoryEntry& entry : entries) {
    if (entry.is_directory) continue;
    OTTLA_TRY(const auto file, files_.open(directory + "/" + entry.name, env::OpenMode::ReadWrite));
    OTTLA_TRY_VOID(file->sync());
    file->drop_cache(0, 0);
  }
  return {};
}

void LogStore::finish_return(const std::shared_ptr<Loading>& loading, const DirectoryLoad& load) {
  LogDirectory& directory = *loading->directories.front()->directory;
  if (load.failed > 0 || !loading->directories.front()->health->is_online()) {
    return put_off_probe(
        directory, Error(ErrorCode::KafkaStorageError, "not all of its logs could be recovered"));
  }
  OnReturn on_return;
  {
    MutexLock lock(mutex_);
    on_return = on_return_;
  }
  if (!on_return) return take_in(*loading);
  on_return(directory.path(), [this, loading] { take_in(*loading); });
}

void LogStore::take_in(Loading& loading) {
  Loading::Directory& plan = *loading.directories.front();
  LogDirectory& directory = *plan.directory;
  MutexLock change_lock(change_mutex_);
  std::vector<std::pair<Loading::Directory::Job, Entry>> returned;
  {
    MutexLock lock(plan.mutex);
    returned.swap(plan.returned);
  }
  std::vector<Entry> dropped;  // freed outside the lock
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    for (auto* const table : {&logs_, &futures_}) {
      std::erase_if(*table, [&](const auto& each) {
        if (each.second.directory != &directory) return false;
        dropped.push_back(each.second);
        return true;
      });
    }
    std::erase_if(replaced_, [&](const auto& each) {
      return each.second.old.directory == &directory || each.second.by.directory == &directory;
    });
  }
  std::size_t logs = 0;
  for (auto& [job, entry] : returned) {
    if (!job.is_future) {
      const auto kept = settle_copies(directory, job.path, job.partition);
      if (!kept || !*kept) continue;  // an error took the dir offline again
      ++logs;
    }
    MutexLock lock(mutex_);
    (job.is_future ? futures_ : logs_).try_emplace(job.partition, std::move(entry));
  }
  directory.come_back(plan.health);
  {
    MutexLock lock(mutex_);
    Return& state = returns_[&directory];
    state.is_under_way = false;
    state.is_counted = false;
    state.came_back = clock_.now();
  }
  LOG(INFO) << "[" << directory.path() << "] log dir is online again with " << logs << " logs";
}

/// Whether the returned log is the partition's. While the dir was away another one may have become
/// that: of another topic of the name, or one that this dir's was moved to.
Result<bool> LogStore::settle_copies(LogDirectory& directory, const std::string& path,
                                     const TopicPartition& partition) {
  const auto current = entry(partition);
  if (!current) return true;
  const std::string note = current->log->directory() + "/" + std::string(kMovedFromFile);
  OTTLA_TRY(const bool exists, current->directory->health().check(files_.exists(note)));
  bool was_moved = false;
  if (exists) {
    OTTLA_TRY(const std::string text, env::read_file(files_, note));
    was_moved = ("\n" + text).find("\n" + directory.path() + "\n") != std::string::npos;
  }
  const Uuid unique = random_.uuid();
  const std::string away = directory.path() + "/" +
                           (was_moved ? delete_directory_name(partition, unique)
                                      : stray_directory_name(partition, unique));
  LOG(WARNING) << "[" << path << "] is not taken in, the partition's log is "
               << current->log->directory() << (was_moved ? ", where it was moved: " : ": ")
               << "renamed to " << away;
  OTTLA_TRY_VOID(files_.rename(path, away));
  OTTLA_TRY_VOID(files_.sync_directory(directory.path()));
  if (was_moved) deletions_.schedule({away}, current->log->config()->file_delete_delay);
  return false;
}

}  // namespace ottla::storage
