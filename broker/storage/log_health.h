#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "common/base/error.h"
#include "common/env/executor.h"

namespace ottla::storage {

/// Whether one log dir can still be trusted. The first failed write, sync or rename takes the dir
/// offline for good: from then on no log in it appends or reads, and its owner is told once (W7). A
/// full disk is not a failure: it is refused and may pass.
/// Thread: any.
class LogHealth {
 public:
  using OnOffline = std::function<void(const std::string& directory, const Error& cause)>;

  /// `on_offline` runs on `executor`, never inside the call that failed.
  LogHealth(std::string directory, env::Executor& executor, OnOffline on_offline)
      : directory_(std::move(directory)), executor_(executor), on_offline_(std::move(on_offline)) {}

  [[nodiscard]] bool is_online() const { return online_.load(std::memory_order_acquire); }
  [[nodiscard]] const std::string& directory() const { return directory_; }

  /// Takes the dir offline because of `cause`, unless that is a full disk. Returns the cause.
  Error report(Error cause);
  /// Passes the result through, reporting its error.
  template <class T>
  Result<T> check(Result<T> result) {
    if (!result) return fail(report(std::move(result).error()));
    return result;
  }

 private:
  const std::string directory_;
  env::Executor& executor_;
  const OnOffline on_offline_;
  std::atomic<bool> online_ = true;
};

}  // namespace ottla::storage
