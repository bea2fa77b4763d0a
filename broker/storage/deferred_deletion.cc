#include "broker/storage/deferred_deletion.h"

#include <glog/logging.h>

#include <utility>

namespace ottla::storage {

DeferredDeletion::~DeferredDeletion() {
  std::map<std::uint64_t, Pending> dropped;
  MutexLock lock(mutex_);
  dropped.swap(pending_);
  lock.unlock();
  dropped.clear();
  lock.lock();
}

void DeferredDeletion::schedule(std::vector<std::string> paths, std::chrono::milliseconds delay) {
  if (paths.empty()) return;
  std::uint64_t id = 0;
  {
    MutexLock lock(mutex_);
    id = ++last_id_;
    pending_.emplace(id, Pending{std::move(paths), nullptr});
  }
  // The timer may fire before its handle is stored; `run` then finds the entry all the same.
  env::TimerHandle timer = executor_.post_after(delay, [this, id] { run(id); });
  MutexLock lock(mutex_);
  const auto found = pending_.find(id);
  if (found != pending_.end()) found->second.timer = std::move(timer);
}

void DeferredDeletion::run(std::uint64_t id) {
  Pending due;
  {
    MutexLock lock(mutex_);
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    due = std::move(found->second);
    pending_.erase(found);
  }
  remove(due.paths);
}

void DeferredDeletion::run_all() {
  std::map<std::uint64_t, Pending> due;
  {
    MutexLock lock(mutex_);
    due.swap(pending_);
  }
  for (const auto& [id, pending] : due) remove(pending.paths);
}

void DeferredDeletion::remove(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const Result<> removed = files_.remove_all(path);
    if (!removed)
      LOG(WARNING) << "[" << path << "] not removed, left for the next start: " << removed.error();
  }
}

std::size_t DeferredDeletion::waiting() const {
  MutexLock lock(mutex_);
  return pending_.size();
}

}  // namespace ottla::storage
