#include "broker/quota/token_bucket.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace ottla::quota {
namespace {

using std::chrono::duration;

double seconds(env::Duration time) {
  return duration<double>(time).count();
}

std::int64_t second_of(env::MonotonicTime now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace

void TokenBucket::refill(double rate, env::MonotonicTime now) {
  const double most = rate * seconds(kBurst);
  if (!begun_) {
    begun_ = true;
    tokens_ = most;
  } else if (now > filled_at_) {
    tokens_ += rate * seconds(now - filled_at_);
  }
  tokens_ = std::min(tokens_, most);
  filled_at_ = std::max(filled_at_, now);
}

double TokenBucket::tokens(double rate, env::MonotonicTime now) {
  refill(rate, now);
  return tokens_;
}

env::Duration TokenBucket::delay(double rate, env::MonotonicTime now) {
  refill(rate, now);
  if (tokens_ > 0) return {};
  // One token, so that nobody comes back to exactly none.
  const double needed = 1 - tokens_;
  if (needed >= rate * seconds(kLongestDelay)) return kLongestDelay;
  return std::chrono::ceil<env::Duration>(duration<double>(needed / rate));
}

void TokenBucket::take(double amount, double rate, env::MonotonicTime now) {
  refill(rate, now);
  tokens_ -= amount;
}

void SampledRate::forget_old(env::MonotonicTime now) {
  const std::int64_t second = second_of(now);
  if (second <= newest_) return;
  const std::int64_t first = std::max(newest_ + 1, second - kSamples + 1);
  for (std::int64_t each = first; each <= second; ++each) samples_[each % kSamples] = 0;
  newest_ = second;
}

void SampledRate::record(double amount, env::MonotonicTime now) {
  forget_old(now);
  samples_[newest_ % kSamples] += amount;
}

double SampledRate::rate(env::MonotonicTime now) {
  forget_old(now);
  return std::accumulate(std::begin(samples_), std::end(samples_), 0.0) / kSamples;
}

}  // namespace ottla::quota
