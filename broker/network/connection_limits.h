#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "common/base/mutex.h"

namespace ottla::network {

/// Counts open connections against max.connections and max.connections.per.ip.
/// Thread: any (mutex_).
class ConnectionLimits {
 public:
  using PerAddress = std::map<std::string, std::int32_t>;

  ConnectionLimits(std::int32_t max_connections, std::int32_t max_per_address,
                   PerAddress per_address_overrides);

  void set(std::int32_t max_connections, std::int32_t max_per_address,
           PerAddress per_address_overrides);

  /// Whether the broker may take one more connection now (max.connections). At the limit the
  /// listeners wait; connections that are open stay.
  [[nodiscard]] bool has_room() const;
  /// Counts a new connection in, or refuses it (max.connections.per.ip).
  [[nodiscard]] bool admit(const std::string& address);
  void release(const std::string& address);

  [[nodiscard]] std::int64_t open() const;

 private:
  mutable Mutex mutex_{LockRank::Leaf};
  std::int32_t max_connections_ OTTLA_GUARDED_BY(mutex_);
  std::int32_t max_per_address_ OTTLA_GUARDED_BY(mutex_);
  PerAddress per_address_overrides_ OTTLA_GUARDED_BY(mutex_);
  std::int64_t open_ OTTLA_GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, std::int32_t> by_address_ OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::network
