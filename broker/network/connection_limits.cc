#include "broker/network/connection_limits.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace ottla::network {
namespace {

/// A rate may be exceeded by what it allows in this time: Kafka averages over ten seconds
/// (quota.window.num, quota.window.size.seconds).
constexpr std::chrono::seconds kBurst{10};

}  // namespace

ConnectionLimits::ConnectionLimits(ConnectionLimitOptions options, const env::Clock& clock)
    : clock_(clock), options_(std::move(options)) {}

void ConnectionLimits::set(ConnectionLimitOptions options) {
  MutexLock lock(mutex_);
  options_ = std::move(options);
}

ConnectionLimit ConnectionLimits::limit_of(const std::string& listener) const {
  const auto own = options_.by_listener.find(listener);
  return own == options_.by_listener.end() ? ConnectionLimit{} : own->second;
}

bool ConnectionLimits::has_room(const ConnectionLimit& limit, Counted& counted,
                                env::MonotonicTime now) {
  if (counted.open >= limit.most) return false;
  if (limit.new_per_second == INT32_MAX) return true;
  counted.next_due = std::max(counted.next_due, now - kBurst);
  return limit.new_per_second > 0 && counted.next_due <= now;
}

void ConnectionLimits::count_in(const ConnectionLimit& limit, Counted& counted) {
  if (limit.new_per_second == INT32_MAX || limit.new_per_second <= 0) return;
  counted.next_due += env::Duration(std::chrono::seconds(1)) / limit.new_per_second;
}

bool ConnectionLimits::has_room(const std::string& listener) {
  const env::MonotonicTime now = clock_.now();
  MutexLock lock(mutex_);
  return has_room(limit_of(listener), by_listener_[listener], now) &&
         (options_.protected_listener == listener || has_room(options_.all, all_, now));
}

bool ConnectionLimits::admit(const std::string& listener, const std::string& address) {
  MutexLock lock(mutex_);
  Counted& of_listener = by_listener_[listener];
  count_in(limit_of(listener), of_listener);
  if (options_.protected_listener != listener) count_in(options_.all, all_);
  const auto override = options_.per_ip_overrides.find(address);
  const std::int32_t most =
      override != options_.per_ip_overrides.end() ? override->second : options_.most_per_ip;
  const auto counted = by_address_.find(address);
  if ((counted == by_address_.end() ? 0 : counted->second) >= most) return false;
  ++by_address_[address];
  ++of_listener.open;
  ++all_.open;
  return true;
}

void ConnectionLimits::release(const std::string& listener, const std::string& address) {
  MutexLock lock(mutex_);
  const auto counted = by_address_.find(address);
  CHECK(counted != by_address_.end());
  if (--counted->second == 0) by_address_.erase(counted);
  --by_listener_[listener].open;
  --all_.open;
}

std::int64_t ConnectionLimits::open() const {
  MutexLock lock(mutex_);
  return all_.open;
}

}  // namespace ottla::network
