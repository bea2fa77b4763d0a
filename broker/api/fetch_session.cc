#include "broker/api/fetch_session.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ottla::api {
namespace {

constexpr std::int32_t kInitialEpoch = 0;
constexpr std::int32_t kFinalEpoch = -1;

std::int32_t next_epoch(std::int32_t epoch) {
  return epoch == std::numeric_limits<std::int32_t>::max() ? 1 : epoch + 1;
}

}  // namespace

/// One session. What the cache keeps about it (times, size) is guarded by the cache's mutex.
/// Thread: any (mutex_): a client may use it from two connections.
class FetchSession {
 public:
  FetchSession(std::int32_t session_id, bool by_topic_id, env::MonotonicTime now)
      : id(session_id), uses_topic_ids(by_topic_id), created(now), last_used(now) {}

  void add(const FetchTarget& target, const FetchOutcome& outcome) {
    MutexLock lock(mutex_);
    add_locked(target);
    entries_.back().remember(outcome);
  }

  /// Goes on to the next epoch. Errors: InvalidFetchSessionEpoch.
  Result<std::int32_t> advance(std::int32_t epoch, const std::vector<FetchTarget>& targets,
                               const std::vector<FetchKey>& forgotten) {
    MutexLock lock(mutex_);
    if (epoch != epoch_) return fail(ErrorCode::InvalidFetchSessionEpoch);
    for (const FetchTarget& target : targets) {
      const auto known = places_.find(target.key);
      if (known == places_.end()) {
        add_locked(target);
      } else {
        known->second->target = target;
      }
    }
    for (const FetchKey& key : forgotten) {
      const auto known = places_.find(key);
      if (known == places_.end()) continue;
      entries_.erase(known->second);
      places_.erase(known);
    }
    return epoch_ = next_epoch(epoch_);
  }

  [[nodiscard]] std::vector<FetchTarget> targets() const {
    MutexLock lock(mutex_);
    std::vector<FetchTarget> all;
    all.reserve(entries_.size());
    for (const Entry& entry : entries_) all.push_back(entry.target);
    return all;
  }

  /// Which outcomes are news. Partitions that gave records go to the end, so that the bytes of the
  /// next answers are fair to all.
  Result<std::vector<bool>> finish(std::int32_t expected_epoch,
                                   const std::vector<FetchTarget>& targets,
                                   const std::vector<FetchOutcome>& outcomes) {
    MutexLock lock(mutex_);
    if (epoch_ != expected_epoch) return fail(ErrorCode::InvalidFetchSessionEpoch);
    std::vector<bool> included(targets.size());
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const auto known = places_.find(targets[i].key);
      if (known == places_.end()) continue;
      Entry& entry = *known->second;
      included[i] = entry.is_news(outcomes[i]);
      entry.remember(outcomes[i]);
      if (outcomes[i].has_records) entries_.splice(entries_.end(), entries_, known->second);
    }
    return included;
  }

  [[nodiscard]] std::size_t size() const {
    MutexLock lock(mutex_);
    return entries_.size();
  }

  const std::int32_t id;
  const bool uses_topic_ids;
  const env::MonotonicTime created;
  env::MonotonicTime last_used;
  std::size_t counted_size = 0;

 private:
  struct Entry {
    FetchTarget target;
    Offset high_watermark = kUnknownOffset;
    Offset log_start_offset = kUnknownOffset;

    [[nodiscard]] bool is_news(const FetchOutcome& outcome) const {
      return outcome.has_records || outcome.redirected || outcome.error != ErrorCode::None ||
             outcome.high_watermark != high_watermark ||
             outcome.log_start_offset != log_start_offset;
    }
    void remember(const FetchOutcome& outcome) {
      // After an error the partition is told again, even if nothing else changed.
      high_watermark = outcome.error == ErrorCode::None ? outcome.high_watermark : kUnknownOffset;
      log_start_offset = outcome.log_start_offset;
    }
  };

  void add_locked(const FetchTarget& target) OTTLA_REQUIRES(mutex_) {
    entries_.push_back({target});
    const auto [place, added] = places_.emplace(target.key, std::prev(entries_.end()));
    if (!added) {  // Named twice: the last one counts.
      entries_.erase(place->second);
      place->second = std::prev(entries_.end());
    }
  }

  mutable Mutex mutex_{LockRank::Leaf};
  std::int32_t epoch_ OTTLA_GUARDED_BY(mutex_) = next_epoch(kInitialEpoch);
  std::list<Entry> entries_ OTTLA_GUARDED_BY(mutex_);
  std::map<FetchKey, std::list<Entry>::iterator> places_ OTTLA_GUARDED_BY(mutex_);
};

FetchSessionCache::FetchSessionCache(std::size_t max_sessions, env::Random& random)
    : max_sessions_(max_sessions), random_(random) {}

FetchSessionCache::~FetchSessionCache() = default;

std::shared_ptr<FetchSession> FetchSessionCache::find(std::int32_t session_id) const {
  MutexLock lock(mutex_);
  const auto found = sessions_.find(session_id);
  return found == sessions_.end() ? nullptr : found->second;
}

FetchContext FetchSessionCache::begin(std::int32_t session_id, std::int32_t epoch,
                                      bool uses_topic_ids, std::vector<FetchTarget> targets,
                                      const std::vector<FetchKey>& forgotten,
                                      env::MonotonicTime now) {
  using Kind = FetchContext::Kind;
  FetchContext context;
  context.uses_topic_ids = uses_topic_ids;
  const auto refuse = [&context](ErrorCode error) {
    context.kind = Kind::Refused;
    context.error = error;
    return std::move(context);
  };

  if (epoch == kInitialEpoch || epoch == kFinalEpoch) {
    MutexLock lock(mutex_);
    remove(session_id);
    context.kind = epoch == kFinalEpoch ? Kind::Sessionless : Kind::Full;
    context.targets = std::move(targets);
    return context;
  }

  const std::shared_ptr<FetchSession> session = find(session_id);
  if (!session) return refuse(ErrorCode::FetchSessionIdNotFound);
  if (session->uses_topic_ids != uses_topic_ids) return refuse(ErrorCode::FetchSessionTopicIdError);
  const auto advanced = session->advance(epoch, targets, forgotten);
  if (!advanced) return refuse(advanced.error().code());

  context.targets = session->targets();
  MutexLock lock(mutex_);
  if (context.targets.empty()) {
    remove(session_id);
    return context;
  }
  context.kind = Kind::Incremental;
  context.session = session;
  context.expected_epoch = *advanced;
  if (sessions_.contains(session_id)) touch(*session, context.targets.size(), now);
  return context;
}

FetchVerdict FetchSessionCache::finish(const FetchContext& context,
                                       const std::vector<FetchOutcome>& outcomes,
                                       env::MonotonicTime now) {
  FetchVerdict verdict;
  verdict.error = context.error;
  verdict.included.assign(context.targets.size(), true);
  if (context.kind == FetchContext::Kind::Full) {
    verdict.session_id = create(context, outcomes, now);
  } else if (context.kind == FetchContext::Kind::Incremental) {
    auto included = context.session->finish(context.expected_epoch, context.targets, outcomes);
    if (included) {
      verdict.session_id = context.session->id;
      verdict.included = *std::move(included);
    } else {
      verdict.error = included.error().code();
      verdict.included.assign(context.targets.size(), false);
    }
  }
  return verdict;
}

std::int32_t FetchSessionCache::create(const FetchContext& context,
                                       const std::vector<FetchOutcome>& outcomes,
                                       env::MonotonicTime now) {
  MutexLock lock(mutex_);
  if (sessions_.size() >= max_sessions_ && !make_room(context.targets.size(), now)) return 0;
  std::int32_t id = 0;
  while (id == 0 || sessions_.contains(id)) {
    id = static_cast<std::int32_t>(random_.next() & std::numeric_limits<std::int32_t>::max());
  }
  auto session = std::make_shared<FetchSession>(id, context.uses_topic_ids, now);
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    session->add(context.targets[i], outcomes[i]);
  }
  sessions_.emplace(id, session);
  touch(*session, session->size(), now);
  return id;
}

void FetchSessionCache::touch(FetchSession& session, std::size_t size, env::MonotonicTime now) {
  by_age_.erase({session.last_used, session.id});
  evictable_by_size_.erase({session.counted_size, session.id});
  partitions_ += size - session.counted_size;
  session.last_used = now;
  session.counted_size = size;
  by_age_.emplace(now, session.id);
  if (now - session.created > kEvictionAge) evictable_by_size_.emplace(size, session.id);
}

void FetchSessionCache::remove(std::int32_t session_id) {
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) return;
  const FetchSession& session = *found->second;
  by_age_.erase({session.last_used, session_id});
  evictable_by_size_.erase({session.counted_size, session_id});
  partitions_ -= session.counted_size;
  sessions_.erase(found);
}

bool FetchSessionCache::make_room(std::size_t size, env::MonotonicTime now) {
  if (by_age_.empty()) return false;
  const auto& [last_used, oldest] = *by_age_.begin();
  if (now - last_used > kEvictionAge) {
    remove(oldest);
    ++evictions_;
    return true;
  }
  if (evictable_by_size_.empty() || evictable_by_size_.begin()->first >= size) return false;
  remove(evictable_by_size_.begin()->second);
  ++evictions_;
  return true;
}

std::size_t FetchSessionCache::sessions() const {
  MutexLock lock(mutex_);
  return sessions_.size();
}

std::int64_t FetchSessionCache::evictions() const {
  MutexLock lock(mutex_);
  return evictions_;
}

std::size_t FetchSessionCache::partitions() const {
  MutexLock lock(mutex_);
  return partitions_;
}

}  // namespace ottla::api
