#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define OTTLA_TSA(x) __attribute__((x))
#else
#define OTTLA_TSA(x)
#endif
#define OTTLA_GUARDED_BY(x) OTTLA_TSA(guarded_by(x))
#define OTTLA_REQUIRES(...) OTTLA_TSA(requires_capability(__VA_ARGS__))
#define OTTLA_EXCLUDES(...) OTTLA_TSA(locks_excluded(__VA_ARGS__))
#define OTTLA_ACQUIRE(...) OTTLA_TSA(acquire_capability(__VA_ARGS__))
#define OTTLA_RELEASE(...) OTTLA_TSA(release_capability(__VA_ARGS__))
#define OTTLA_NO_THREAD_SAFETY_ANALYSIS OTTLA_TSA(no_thread_safety_analysis)

namespace ottla {

/// The lock order of docs/threading.md: a thread that holds a mutex may only take one of a higher
/// rank. Debug builds abort on a wrong order.
enum class LockRank : std::uint8_t {
  BrokerLifecycle = 10,
  ReplicaDirectory = 20,
  Partition = 30,  ///< A partition's appends and changes of role.
  PartitionState = 32,
  LogStore = 35,      ///< Creation and removal of logs; held over I/O, so never on an event loop.
  LogDirectory = 40,  ///< Checkpoint files of the log dirs; held over I/O.
  LogFlush = 45,      ///< Flushes and cuts of one log; held over I/O.
  Log = 50,
  Segment = 60,
  Metadata = 70,
  Stream = 75,  ///< Of the replication transport: posts to a loop.
  Network = 80,
  Session = 90,
  Leaf = 100,     ///< Held around a few lines that take no other lock but the next.
  Metrics = 110,  ///< Of the registry, which whoever makes a series asks under any lock.
};

namespace internal {
void lock_rank_enter(const void* mutex, LockRank rank);
void lock_rank_leave(const void* mutex);
}  // namespace internal

#ifdef NDEBUG
inline constexpr bool kLockRankChecked = false;
#else
inline constexpr bool kLockRankChecked = true;
#endif

/// A std::mutex that clang's thread-safety analysis knows, with a rank.
class OTTLA_TSA(capability("mutex")) Mutex {
 public:
  explicit Mutex(LockRank rank) : rank_(rank) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() OTTLA_ACQUIRE() {
    if constexpr (kLockRankChecked) internal::lock_rank_enter(this, rank_);
    mutex_.lock();
  }
  void unlock() OTTLA_RELEASE() {
    mutex_.unlock();
    if constexpr (kLockRankChecked) internal::lock_rank_leave(this);
  }

 private:
  std::mutex mutex_;
  LockRank rank_;
};

/// Holds a Mutex for a scope. Works with std::condition_variable_any through lock()/unlock().
class OTTLA_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) OTTLA_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() OTTLA_RELEASE() {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void unlock() OTTLA_RELEASE() {
    mutex_.unlock();
    held_ = false;
  }
  void lock() OTTLA_ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

}  // namespace ottla
