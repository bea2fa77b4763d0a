#include "broker/storage/uncleanable_logs.h"

#include <algorithm>
#include <utility>

namespace ottla::storage {
namespace {

env::Duration wait_after(std::int32_t attempts) {
  const int doublings = std::min(attempts - 1, 16);
  return std::min<env::Duration>(UncleanableLogs::kFirstRetry * (1 << doublings),
                                 UncleanableLogs::kLastRetry);
}

}  // namespace

const UncleanableLogs::Entry& UncleanableLogs::failed(const std::shared_ptr<Log>& log, Entry seen,
                                                      env::MonotonicTime now) {
  forget_gone();
  Entry& entry = entries_[log];
  seen.attempts = entry.attempts + 1;
  seen.retry_at = now + wait_after(seen.attempts);
  entry = std::move(seen);
  return entry;
}

bool UncleanableLogs::must_wait(const std::shared_ptr<Log>& log, std::uint64_t waiting_bytes,
                                env::MonotonicTime now) {
  const auto found = entries_.find(log);
  if (found == entries_.end()) return false;
  found->second.bytes = waiting_bytes;
  return now < found->second.retry_at;
}

UncleanableLogs::News UncleanableLogs::cleaned(const std::shared_ptr<Log>& log,
                                               const std::string& directory,
                                               const std::map<Offset, DamagedBatch>& damaged) {
  forget_gone();
  News news{.is_back = entries_.erase(log) > 0, .damaged = {}};
  const auto known = damage_.find(log);
  for (const auto& [offset, batch] : damaged) {
    if (known == damage_.end() || !known->second.batches.contains(offset)) {
      news.damaged.push_back(batch);
    }
  }
  if (damaged.empty()) {
    damage_.erase(log);
  } else {
    damage_[log] = {directory, damaged};
  }
  return news;
}

std::vector<UncleanableLogs::Entry> UncleanableLogs::entries() const {
  std::vector<Entry> all;
  for (const auto& [log, entry] : entries_) {
    if (!log.expired()) all.push_back(entry);
  }
  return all;
}

std::map<std::string, std::size_t> UncleanableLogs::damaged_batches() const {
  std::map<std::string, std::size_t> sums;
  for (const auto& [log, damage] : damage_) {
    if (!log.expired()) sums[damage.directory] += damage.batches.size();
  }
  return sums;
}

void UncleanableLogs::forget_gone() {
  std::erase_if(entries_, [](const auto& item) { return item.first.expired(); });
  std::erase_if(damage_, [](const auto& item) { return item.first.expired(); });
}

}  // namespace ottla::storage
