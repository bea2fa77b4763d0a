#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/mutex.h"
#include "common/base/uuid.h"
#include "common/env/clock.h"
#include "common/env/random.h"

/// Incremental fetch sessions (KIP-227): a consumer with many partitions names them once, then only
/// what changes; answers hold only partitions that have news.
namespace ottla::api {

/// A partition of a fetch: by topic name, or by id (then the name is empty; Fetch v13+).
struct FetchKey {
  std::string topic;
  TopicId topic_id;
  std::int32_t partition = 0;
  friend auto operator<=>(const FetchKey&, const FetchKey&) = default;
};

/// What is wanted of it.
struct FetchTarget {
  FetchKey key;
  Offset fetch_offset;
  std::int32_t max_bytes = 0;
  LeaderEpoch current_leader_epoch = kUnknownLeaderEpoch;
  LeaderEpoch last_fetched_epoch = kUnknownLeaderEpoch;
};

/// What was found, as far as a session must know to tell whether it is news.
struct FetchOutcome {
  ErrorCode error = ErrorCode::None;
  bool has_records = false;
  bool redirected = false;  ///< Preferred read replica or diverging epoch: always told.
  Offset high_watermark = kUnknownOffset;
  Offset log_start_offset = kUnknownOffset;
};

class FetchSession;

/// One fetch between the two calls to the cache.
struct FetchContext {
  enum class Kind : std::uint8_t { Refused, Sessionless, Full, Incremental };
  Kind kind = Kind::Sessionless;
  ErrorCode error = ErrorCode::None;  ///< Set when refused: the answer's top-level error.
  std::vector<FetchTarget> targets;   ///< Every partition to be read, in order.
  bool uses_topic_ids = false;
  std::shared_ptr<FetchSession> session;  ///< When incremental.
  std::int32_t expected_epoch = 0;        ///< Of the session when `finish` is called.
};

/// What to answer.
struct FetchVerdict {
  ErrorCode error = ErrorCode::None;
  std::int32_t session_id = 0;
  std::vector<bool> included;  ///< By target.
};

/// All sessions of the broker, at most `max_sessions`.
/// When it is full, a new session takes the place of one that was not used for two minutes, or of a
/// smaller one that has existed for two minutes; otherwise the client stays without session.
/// Thread: any.
class FetchSessionCache {
 public:
  static constexpr env::Duration kEvictionAge = std::chrono::minutes(2);

  FetchSessionCache(std::size_t max_sessions, env::Random& random);
  ~FetchSessionCache();

  /// Looks the session up. `epoch`: 0 begins a session, -1 wants none (and both end the one named),
  /// others go on with it. Refusals: FetchSessionIdNotFound, InvalidFetchSessionEpoch,
  /// FetchSessionTopicIdError.
  [[nodiscard]] FetchContext begin(std::int32_t session_id, std::int32_t epoch, bool uses_topic_ids,
                                   std::vector<FetchTarget> targets,
                                   const std::vector<FetchKey>& forgotten, env::MonotonicTime now);
  /// Tells what to answer; creates the session that a full fetch asked for.
  [[nodiscard]] FetchVerdict finish(const FetchContext& context,
                                    const std::vector<FetchOutcome>& outcomes,
                                    env::MonotonicTime now);

  [[nodiscard]] std::size_t sessions() const;
  [[nodiscard]] std::size_t partitions() const;
  /// Sessions that made room for others, since the start.
  [[nodiscard]] std::int64_t evictions() const OTTLA_EXCLUDES(mutex_);

 private:
  using SizeKey = std::pair<std::size_t, std::int32_t>;        // size, id
  using AgeKey = std::pair<env::MonotonicTime, std::int32_t>;  // last used, id

  std::shared_ptr<FetchSession> find(std::int32_t session_id) const;
  void remove(std::int32_t session_id) OTTLA_REQUIRES(mutex_);
  void touch(FetchSession& session, std::size_t size, env::MonotonicTime now)
      OTTLA_REQUIRES(mutex_);
  bool make_room(std::size_t size, env::MonotonicTime now) OTTLA_REQUIRES(mutex_);
  std::int32_t create(const FetchContext& context, const std::vector<FetchOutcome>& outcomes,
                      env::MonotonicTime now);

  const std::size_t max_sessions_;
  mutable Mutex mutex_{LockRank::Session};
  env::Random& random_ OTTLA_GUARDED_BY(mutex_);
  std::unordered_map<std::int32_t, std::shared_ptr<FetchSession>> sessions_
      OTTLA_GUARDED_BY(mutex_);
  std::set<AgeKey> by_age_ OTTLA_GUARDED_BY(mutex_);
  std::set<SizeKey> evictable_by_size_ OTTLA_GUARDED_BY(mutex_);  ///< Old enough to be replaced.
  std::int64_t evictions_ OTTLA_GUARDED_BY(mutex_) = 0;
  std::size_t partitions_ OTTLA_GUARDED_BY(mutex_) = 0;
};

}  // namespace ottla::api
