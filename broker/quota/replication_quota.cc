#include "broker/quota/replication_quota.h"

#include <algorithm>

namespace ottla::quota {

env::Duration ReplicationQuota::delay(env::MonotonicTime now) {
  const std::int64_t rate = bytes_per_second_();
  if (rate == kUnlimited) return {};
  const MutexLock lock(mutex_);
  return bucket_.delay(static_cast<double>(rate), now);
}

std::uint64_t ReplicationQuota::allowance(env::MonotonicTime now) {
  const std::int64_t rate = bytes_per_second_();
  if (rate == kUnlimited) return std::numeric_limits<std::uint64_t>::max();
  const MutexLock lock(mutex_);
  return static_cast<std::uint64_t>(std::max(bucket_.tokens(static_cast<double>(rate), now), 1.0));
}

void ReplicationQuota::record(std::uint64_t bytes, env::MonotonicTime now) {
  const std::int64_t rate = bytes_per_second_();
  const auto amount = static_cast<double>(bytes);
  const MutexLock lock(mutex_);
  rate_.record(amount, now);
  if (rate != kUnlimited) bucket_.take(amount, static_cast<double>(rate), now);
}

double ReplicationQuota::byte_rate(env::MonotonicTime now) {
  const MutexLock lock(mutex_);
  return rate_.rate(now);
}

}  // namespace ottla::quota
