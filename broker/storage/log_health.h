#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "broker/storage/disk_space.h"
#include "common/base/error.h"
#include "common/env/executor.h"

namespace ottla::storage {

/// Whether one log dir can still be trusted, and what it takes. The first failed write, sync or
/// rename takes the dir offline: from then on no log in it appends or reads, and its owner is told
/// once (W7). A dir that comes back has a new LogHealth, with new logs: the old ones stay as they
/// are. A full disk is not a failure: it is refused and may pass.
/// Thread: any.
class LogHealth {
 public:
  using OnOffline = std::function<void(const std::string& directory, const Error& cause)>;

  /// `on_offline` runs on `executor`, never inside the call that failed; so does `on_full`, when a
  /// write finds the disk full that was not known to be. Without it nobody looks after the room,
  /// and each write finds out for itself.
  LogHealth(std::string directory, env::Executor& executor, OnOffline on_offline,
            std::function<void()> on_full = nullptr)
      : directory_(std::move(directory)),
        executor_(executor),
        on_offline_(std::move(on_offline)),
        on_full_(std::move(on_full)) {}

  [[nodiscard]] bool is_online() const { return online_.load(std::memory_order_acquire); }
  /// What the disk's self-test found last (W10).
  [[nodiscard]] bool is_slow() const { return slow_.load(std::memory_order_relaxed); }
  void set_slow(bool slow) { slow_.store(slow, std::memory_order_relaxed); }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  /// Without a word to anyone: a dir that could not even be opened.
  void start_offline() { online_.store(false, std::memory_order_release); }

  [[nodiscard]] SpaceState space() const { return space_.load(std::memory_order_acquire); }
  void set_space(SpaceState state) { space_.store(state, std::memory_order_release); }
  /// Whether records are refused for want of room: of clients, or all. Errors: KafkaStorageError.
  [[nodiscard]] Result<> check_space(bool of_client) const {
    const SpaceState state = space();
    if (state == SpaceState::Enough || (state == SpaceState::Low && !of_client)) return {};
    return refuse(state);
  }
  /// Whether a write was refused for want of room since the last call.
  [[nodiscard]] bool take_refused() { return refused_.exchange(false, std::memory_order_acq_rel); }

  /// Takes the dir offline because of `cause`, unless that is a full disk. Returns the cause.
  Error report(Error cause);
  /// As `check`, where a full disk is no excuse either: for syncs of records, as the kernel may
  /// drop what it could not write and then let a second sync succeed, and for what must not stay
  /// half done.
  Result<> check_strictly(Result<> result);
  /// Passes the result through, reporting its error.
  template <class T>
  Result<T> check(Result<T> result) {
    if (!result) return fail(report(std::move(result).error()));
    return result;
  }

 private:
  [[nodiscard]] Result<> refuse(SpaceState state) const;

  const std::string directory_;
  env::Executor& executor_;
  const OnOffline on_offline_;
  const std::function<void()> on_full_;
  std::atomic<bool> online_ = true;
  std::atomic<SpaceState> space_ = SpaceState::Enough;
  std::atomic<bool> refused_ = false;
  std::atomic<bool> slow_ = false;
};

}  // namespace ottla::storage
