#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

#include "broker/quota/token_bucket.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"

namespace ottla::quota {

/// A limit on the bytes of replication that is no part of keeping replicas in sync (KIP-73): what
/// throttled replicas get while they are not in sync. One for a broker as leader, one as follower,
/// over all its streams. Who is throttled is for the caller to know.
/// Thread: any (mutex_).
class ReplicationQuota {
 public:
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  /// `bytes_per_second` is asked each time: a dynamic config.
  /// Empty: unlimited.
  explicit ReplicationQuota(std::function<std::int64_t()> bytes_per_second)
      : bytes_per_second_(bytes_per_second ? std::move(bytes_per_second)
                                           : [] { return kUnlimited; }) {}

  [[nodiscard]] bool is_limited() const { return bytes_per_second_() != kUnlimited; }
  /// How long until something may pass.
  [[nodiscard]] env::Duration delay(env::MonotonicTime now) OTTLA_EXCLUDES(mutex_);
  /// Bytes that may pass now without debt; at least 1, since whole batches pass.
  [[nodiscard]] std::uint64_t allowance(env::MonotonicTime now) OTTLA_EXCLUDES(mutex_);
  void record(std::uint64_t bytes, env::MonotonicTime now) OTTLA_EXCLUDES(mutex_);
  /// Of what was recorded: the metric `byte-rate`.
  [[nodiscard]] double byte_rate(env::MonotonicTime now) OTTLA_EXCLUDES(mutex_);

 private:
  const std::function<std::int64_t()> bytes_per_second_;
  Mutex mutex_{LockRank::Leaf};
  TokenBucket bucket_ OTTLA_GUARDED_BY(mutex_);
  SampledRate rate_ OTTLA_GUARDED_BY(mutex_);
};

/// Both of a broker.
struct ReplicationQuotas {
  ReplicationQuotas(std::function<std::int64_t()> leader_rate,
                    std::function<std::int64_t()> follower_rate)
      : leader(std::move(leader_rate)), follower(std::move(follower_rate)) {}

  ReplicationQuota leader;
  ReplicationQuota follower;
};

}  // namespace ottla::quota
