// LogStore: how far the opening of its logs is.
#include <glog/logging.h>

#include <algorithm>
#include <ostream>

#include "broker/storage/log_store_loading.h"

namespace ottla::storage {
namespace {

constexpr std::uint64_t kMegabyte = 1'000'000;

std::ostream& operator<<(std::ostream& out, const LoadProgress& now) {
  return out << "[" << now.directory << "] recovering logs: " << now.logs_left << " of " << now.logs
             << " left, " << now.bytes_left / kMegabyte << " of " << now.bytes / kMegabyte
             << " MB left to read";
}

}  // namespace

void LogStore::show_progress_of(const std::shared_ptr<Loading>& loading) {
  MutexLock lock(mutex_);
  std::erase_if(loadings_, [](const auto& each) { return each.expired(); });
  loadings_.push_back(loading);
}

LoadProgress LogStore::Loading::Directory::progress() const {
  LoadProgress progress{.directory = directory->path(), .logs = jobs.size()};
  progress.logs_left = jobs.size() - std::min<std::size_t>(jobs_done, jobs.size());
  progress.bytes = bytes_to_read;
  // A log whose checkpoint turns out wrong is read from farther back than was planned.
  progress.bytes_left = progress.bytes - std::min<std::uint64_t>(bytes_done, progress.bytes);
  for (const auto& left : segments_left) progress.segments_left.push_back(left);
  return progress;
}

std::vector<LoadProgress> LogStore::loading() const {
  std::vector<std::shared_ptr<const Loading>> under_way;
  {
    MutexLock lock(mutex_);
    for (const auto& each : loadings_) {
      auto loading = each.lock();
      if (loading && !loading->is_over) under_way.push_back(std::move(loading));
    }
  }
  std::vector<LoadProgress> all;
  for (const auto& loading : under_way) {
    for (const auto& plan : loading->directories) all.push_back(plan->progress());
  }
  return all;
}

/// For whoever follows the log of a start that takes long.
void LogStore::Loading::Directory::tell_progress() const {
  LOG_EVERY_T(INFO, 5) << progress();
}

}  // namespace ottla::storage
