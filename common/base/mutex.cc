#include "common/base/mutex.h"

#include <algorithm>
#include <vector>

#include <glog/logging.h>

namespace ottla::internal {
namespace {

struct HeldMutex {
  const void* mutex;
  LockRank rank;
};

std::vector<HeldMutex>& held_by_this_thread() {
  thread_local std::vector<HeldMutex> held;
  return held;
}

}  // namespace

void lock_rank_enter(const void* mutex, LockRank rank) {
  auto& held = held_by_this_thread();
  if (!held.empty()) {
    CHECK_LT(static_cast<int>(held.back().rank), static_cast<int>(rank))
        << "lock order violated: see docs/threading.md";
  }
  held.push_back({mutex, rank});
}

void lock_rank_leave(const void* mutex) {
  auto& held = held_by_this_thread();
  const auto found = std::find_if(held.rbegin(), held.rend(),
                                  [&](const HeldMutex& h) { return h.mutex == mutex; });
  CHECK(found != held.rend()) << "a mutex was released that this thread does not hold";
  held.erase(std::next(found).base());
}

}  // namespace ottla::internal
