#include <glog/logging.h>

#include <charconv>

#include "broker/storage/cut_records.h"
#include "broker/storage/log_store.h"

// What lies in a log dir and is served to nobody: strays (W21), and what unclean elections cut
// (W6).

namespace ottla::storage {
namespace {

std::string note_in(const std::string& stray) {
  return stray + "/" + std::string(kPutAsideFile);
}

std::string in_hours(std::int64_t ms) {
  return std::to_string(ms / std::chrono::milliseconds(std::chrono::hours(1)).count()) + " hours";
}

}  // namespace

/// Without the note the time counts from when the retention first finds the directory.
void LogStore::note_put_aside(const std::string& stray) {
  const Result<> noted =
      env::replace_file(files_, note_in(stray), std::to_string(clock_.wall_now_ms()));
  LOG_IF(WARNING, !noted) << "[" << stray << "] cannot be dated: " << noted.error();
}

/// Nothing: there is no note, or one that says nothing.
Result<std::optional<env::WallTimeMs>> LogStore::put_aside_at(const std::string& stray) {
  OTTLA_TRY(const bool exists, files_.exists(note_in(stray)));
  if (!exists) return std::nullopt;
  OTTLA_TRY(const std::string text, env::read_file(files_, note_in(stray)));
  env::WallTimeMs at = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), at);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return at;
}

void LogStore::list_stray(const std::string& path) {
  const auto at = put_aside_at(path);
  const env::WallTimeMs since = at && *at ? **at : clock_.wall_now_ms();
  LOG(WARNING) << "[" << path << "] is no replica that is served: put aside "
               << in_hours(clock_.wall_now_ms() - since) << " ago, kept for "
               << (options_.stray_retention ? in_hours(options_.stray_retention->count())
                                            : std::string("ever"));
}

void LogStore::expire_leftovers() {
  for (const auto& directory : directories_) {
    if (!directory->is_online()) continue;
    const Result<> strays = expire_strays(*directory);
    LOG_IF(WARNING, !strays) << "[" << directory->path()
                             << "] strays cannot be removed: " << strays.error();
    const Result<> cut =
        expire_cut_records(files_, directory->path(), options_.cut_records_retention,
                           options_.cut_records_max_bytes, clock_.wall_now_ms());
    LOG_IF(WARNING, !cut) << "[" << directory->path()
                          << "] what was cut cannot be removed: " << cut.error();
  }
}

/// Renamed first, so that what a crash leaves of it is removed by the next start.
Result<> LogStore::expire_strays(LogDirectory& directory) {
  if (!options_.stray_retention) return {};
  MutexLock change_lock(change_mutex_);
  OTTLA_TRY(const auto entries, directory.list());
  for (const auto& [name, parsed] : entries) {
    if (parsed.kind != DirectoryKind::Stray) continue;
    const std::string path = directory.path() + "/" + name;
    OTTLA_TRY(const std::optional<env::WallTimeMs> at, put_aside_at(path));
    if (!at) {
      note_put_aside(path);
      continue;
    }
    const std::int64_t age_ms = clock_.wall_now_ms() - *at;
    if (age_ms <= options_.stray_retention->count()) continue;
    const std::string away =
        directory.path() + "/" + delete_directory_name(parsed.partition, random_.uuid());
    LOG(INFO) << "[" << path << "] removed: it was put aside " << in_hours(age_ms) << " ago";
    OTTLA_TRY_VOID(files_.rename(path, away));
    OTTLA_TRY_VOID(files_.sync_directory(directory.path()));
    deletions_.schedule({away}, std::chrono::milliseconds(0));
  }
  return {};
}

}  // namespace ottla::storage
