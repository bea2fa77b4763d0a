#include "broker/quota/cold_read_quota.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace ottla::quota {
namespace {

/// With more buckets than that, those of clients that owe nothing go.
constexpr std::size_t kManyClients = 1'000;

}  // namespace

std::optional<double> ColdReadQuota::rate() const {
  const auto bytes = bytes_per_second_ ? bytes_per_second_() : std::nullopt;
  return bytes ? std::optional(static_cast<double>(*bytes)) : std::nullopt;
}

env::Duration ColdReadQuota::delay(const std::string& client) {
  const auto limit = rate();
  const MutexLock lock(mutex_);
  if (!limit) {
    buckets_.clear();  // who is limited again owes nothing
    return {};
  }
  const auto found = buckets_.find(client);
  return found == buckets_.end() ? env::Duration{} : found->second.delay(*limit, clock_.now());
}

/// What the rate gives in the time for which tokens are kept: a client gets some often, instead of
/// much now and then.
std::optional<std::uint64_t> ColdReadQuota::answer_bytes() const {
  const auto limit = rate();
  if (!limit) return std::nullopt;
  const double share = *limit * std::chrono::duration<double>(TokenBucket::kBurst).count();
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(share), 1);
}

void ColdReadQuota::record(const std::string& client, std::uint64_t bytes) {
  const auto limit = rate();
  if (!limit) return;
  const env::MonotonicTime now = clock_.now();
  const MutexLock lock(mutex_);
  if (buckets_.size() >= kManyClients) forget_idle(*limit, now);
  buckets_[client].take(static_cast<double>(bytes), *limit, now);
}

void ColdReadQuota::forget_idle(double rate, env::MonotonicTime now) {
  for (auto each = buckets_.begin(); each != buckets_.end();) {
    each = each->second.tokens(rate, now) >= 0 ? buckets_.erase(each) : std::next(each);
  }
}

std::int64_t ColdReadQuota::held_back() const {
  const auto limit = rate();
  if (!limit) return 0;
  const env::MonotonicTime now = clock_.now();
  const MutexLock lock(mutex_);
  return std::count_if(buckets_.begin(), buckets_.end(),
                       [&](auto& each) { return each.second.tokens(*limit, now) <= 0; });
}

}  // namespace ottla::quota
