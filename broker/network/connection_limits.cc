#include "broker/network/connection_limits.h"

#include <glog/logging.h>

#include <utility>

namespace ottla::network {

ConnectionLimits::ConnectionLimits(std::int32_t max_connections, std::int32_t max_per_address,
                                   PerAddress per_address_overrides)
    : max_connections_(max_connections),
      max_per_address_(max_per_address),
      per_address_overrides_(std::move(per_address_overrides)) {}

void ConnectionLimits::set(std::int32_t max_connections, std::int32_t max_per_address,
                           PerAddress per_address_overrides) {
  MutexLock lock(mutex_);
  max_connections_ = max_connections;
  max_per_address_ = max_per_address;
  per_address_overrides_ = std::move(per_address_overrides);
}

bool ConnectionLimits::has_room() const {
  MutexLock lock(mutex_);
  return open_ < max_connections_;
}

bool ConnectionLimits::admit(const std::string& address) {
  MutexLock lock(mutex_);
  const auto override = per_address_overrides_.find(address);
  const std::int32_t most =
      override != per_address_overrides_.end() ? override->second : max_per_address_;
  const auto counted = by_address_.find(address);
  if ((counted == by_address_.end() ? 0 : counted->second) >= most) return false;
  ++by_address_[address];
  ++open_;
  return true;
}

void ConnectionLimits::release(const std::string& address) {
  MutexLock lock(mutex_);
  const auto counted = by_address_.find(address);
  CHECK(counted != by_address_.end());
  if (--counted->second == 0) by_address_.erase(counted);
  --open_;
}

std::int64_t ConnectionLimits::open() const {
  MutexLock lock(mutex_);
  return open_;
}

}  // namespace ottla::network
