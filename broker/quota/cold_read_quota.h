#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "broker/quota/token_bucket.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"

namespace ottla::quota {

/// How much each client gets from the disk (N14): ottla.cold.read.bytes.per.second.per.client.
/// Records that are in the page cache are nobody's concern here. A client that has had its share is
/// told nothing new from the disk until that much time has passed: nothing waits on a thread.
/// Thread: any (mutex_).
class ColdReadQuota {
 public:
  /// Asked each time: a dynamic config. Empty, or nullopt from it: no limit.
  using Rate = std::function<std::optional<std::int64_t>()>;

  explicit ColdReadQuota(const env::Clock& clock, Rate bytes_per_second = nullptr)
      : clock_(clock), bytes_per_second_(std::move(bytes_per_second)) {}

  [[nodiscard]] bool is_limited() const { return rate().has_value(); }
  /// How long until the client may have something from the disk again.
  [[nodiscard]] env::Duration delay(const std::string& client) OTTLA_EXCLUDES(mutex_);
  /// The most that one answer should take from the disk; the first batch may be more. Nullopt: no
  /// limit.
  [[nodiscard]] std::optional<std::uint64_t> answer_bytes() const;
  void record(const std::string& client, std::uint64_t bytes) OTTLA_EXCLUDES(mutex_);
  /// Clients that have had their share.
  [[nodiscard]] std::int64_t held_back() const OTTLA_EXCLUDES(mutex_);

 private:
  [[nodiscard]] std::optional<double> rate() const;
  void forget_idle(double rate, env::MonotonicTime now) OTTLA_REQUIRES(mutex_);

  const env::Clock& clock_;
  const Rate bytes_per_second_;
  mutable Mutex mutex_{LockRank::Leaf};
  /// Those who have had something lately.
  mutable std::map<std::string, TokenBucket> buckets_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::quota
