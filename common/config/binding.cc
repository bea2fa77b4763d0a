#include "common/config/binding.h"

#include <algorithm>

namespace ottla::config {

Subscription Subscribers::add(std::function<void()> on_change) {
  auto callback = std::make_shared<Callback>(std::move(on_change));
  {
    const MutexLock lock(state_->mutex);
    state_->callbacks.push_back(callback);
  }
  return Subscription([state = state_, callback] {
    {
      const MutexLock lock(state->mutex);
      std::erase(state->callbacks, callback);
    }
    const MutexLock lock(callback->running);
    callback->call = nullptr;
  });
}

void Subscribers::notify() {
  std::vector<std::shared_ptr<Callback>> callbacks;
  {
    const MutexLock lock(state_->mutex);
    callbacks = state_->callbacks;
  }
  for (const auto& callback : callbacks) {
    const MutexLock lock(callback->running);
    if (callback->call) callback->call();
  }
}

}  // namespace ottla::config
