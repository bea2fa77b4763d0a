#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "broker/network/network.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"

namespace ottla::network {

/// Counts connections against max.connections, max.connection.creation.rate (KIP-612) and
/// max.connections.per.ip. At a limit of the first two a listener lets new ones wait in the
/// kernel's backlog; at the third they are refused. Who is connected stays. Thread: any (mutex_).
class ConnectionLimits {
 public:
  ConnectionLimits(ConnectionLimitOptions options, const env::Clock& clock);

  void set(ConnectionLimitOptions options);

  /// Whether the listener may take one more connection now.
  [[nodiscard]] bool has_room(const std::string& listener);
  /// Counts a new connection in, or refuses it. What is refused counts as made (KIP-612).
  [[nodiscard]] bool admit(const std::string& listener, const std::string& address);
  void release(const std::string& listener, const std::string& address);

  [[nodiscard]] std::int64_t open() const;

 private:
  /// What is held against one ConnectionLimit.
  struct Counted {
    std::int64_t open = 0;
    /// When the next connection would come at exactly the rate, had none come too early. It may lag
    /// by `kBurst`, and then that many may come at once.
    env::MonotonicTime next_due{};
  };
  [[nodiscard]] static bool has_room(const ConnectionLimit& limit, Counted& counted,
                                     env::MonotonicTime now);
  static void count_in(const ConnectionLimit& limit, Counted& counted);
  [[nodiscard]] ConnectionLimit limit_of(const std::string& listener) const OTTLA_REQUIRES(mutex_);

  const env::Clock& clock_;
  mutable Mutex mutex_{LockRank::Leaf};
  ConnectionLimitOptions options_ OTTLA_GUARDED_BY(mutex_);
  Counted all_ OTTLA_GUARDED_BY(mutex_);
  std::map<std::string, Counted> by_listener_ OTTLA_GUARDED_BY(mutex_);
  std::unordered_map<std::string, std::int32_t> by_address_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::network
