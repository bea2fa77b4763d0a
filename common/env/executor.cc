#include "common/env/executor.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/env/resizable_pool.h"

namespace ottla::env {
namespace {

MonotonicTime real_now() {
  return SystemClock().now();
}

using TimerKey = std::pair<MonotonicTime, std::uint64_t>;

/// Tasks that are ready and tasks that wait for their time, shared by workers.
class TaskQueue : public std::enable_shared_from_this<TaskQueue> {
 public:
  void post(Task task) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      ready_.push_back(std::move(task));
    }
    wake_.notify_one();
  }

  TimerKey add_timer(Duration delay, Task task) {
    TimerKey key;
    {
      MutexLock lock(mutex_);
      key = {real_now() + delay, ++last_timer_};
      if (!stopping_) timers_.emplace(key, std::move(task));
    }
    wake_.notify_one();
    return key;
  }

  void remove_timer(TimerKey key) {
    Task dropped;  // destroyed outside the lock: it may own anything
    MutexLock lock(mutex_);
    const auto found = timers_.find(key);
    if (found == timers_.end()) return;
    dropped = std::move(found->second);
    timers_.erase(found);
    lock.unlock();
    dropped = nullptr;
    lock.lock();
  }

  /// Runs tasks until `stop`; with `drain`, what is ready by then is still run.
  void run(bool drain) OTTLA_NO_THREAD_SAFETY_ANALYSIS {
    MutexLock lock(mutex_);
    for (;;) {
      if (stopping_ && (!drain || ready_.empty())) return;
      if (!stopping_ && to_leave_ > 0) {
        --to_leave_;
        return;
      }
      if (!stopping_) move_due_timers();
      if (!ready_.empty()) {
        Task task = std::move(ready_.front());
        ready_.pop_front();
        change_running(1);
        lock.unlock();
        std::move(task)();
        task = nullptr;
        lock.lock();
        change_running(-1);
      } else if (timers_.empty()) {
        wake_.wait(lock);
      } else {
        wake_.wait_for(lock, timers_.begin()->first.first - real_now());
      }
    }
  }

  [[nodiscard]] PoolLoad load() {
    MutexLock lock(mutex_);
    change_running(0);
    return {.busy = busy_, .waiting = ready_.size()};
  }

  void stop() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
  }

  /// So many workers end, as soon as they are free.
  void let_leave(std::size_t workers) {
    {
      MutexLock lock(mutex_);
      to_leave_ += workers;
    }
    wake_.notify_all();
  }

  /// Drops everything; after the workers have ended.
  void clear() {
    std::deque<Task> ready;
    std::map<TimerKey, Task> timers;
    MutexLock lock(mutex_);
    ready.swap(ready_);
    timers.swap(timers_);
    lock.unlock();
    ready.clear();
    timers.clear();
    lock.lock();
  }

 private:
  void change_running(int change) OTTLA_REQUIRES(mutex_) {
    const MonotonicTime now = real_now();
    busy_ += running_ * (now - running_since_);
    running_since_ = now;
    running_ += change;
  }

  void move_due_timers() OTTLA_REQUIRES(mutex_) {
    const MonotonicTime now = timers_.empty() ? MonotonicTime{} : real_now();
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
      ready_.push_back(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
    }
  }

  Mutex mutex_{LockRank::Leaf};
  std::condition_variable_any wake_;
  std::deque<Task> ready_ OTTLA_GUARDED_BY(mutex_);
  std::map<TimerKey, Task> timers_ OTTLA_GUARDED_BY(mutex_);
  std::uint64_t last_timer_ OTTLA_GUARDED_BY(mutex_) = 0;
  bool stopping_ OTTLA_GUARDED_BY(mutex_) = false;
  std::size_t to_leave_ OTTLA_GUARDED_BY(mutex_) = 0;
  int running_ OTTLA_GUARDED_BY(mutex_) = 0;
  MonotonicTime running_since_ OTTLA_GUARDED_BY(mutex_){};
  Duration busy_ OTTLA_GUARDED_BY(mutex_){};
};

class QueueTimer final : public Timer {
 public:
  QueueTimer(std::weak_ptr<TaskQueue> queue, TimerKey key) : queue_(std::move(queue)), key_(key) {}
  ~QueueTimer() override { cancel(); }
  void cancel() override {
    if (const auto queue = queue_.lock()) queue->remove_timer(key_);
  }

 private:
  std::weak_ptr<TaskQueue> queue_;
  TimerKey key_;
};

}  // namespace

struct EventLoop::State {
  std::shared_ptr<TaskQueue> queue = std::make_shared<TaskQueue>();
  std::thread thread;
  std::thread::id id;
};

EventLoop::EventLoop(const char* name) : state_(std::make_shared<State>()) {
  state_->thread = std::thread([queue = state_->queue] { queue->run(/*drain=*/false); });
  state_->id = state_->thread.get_id();
  pthread_setname_np(state_->thread.native_handle(), name);
}

EventLoop::~EventLoop() {
  stop();
}

void EventLoop::post(Task task) {
  state_->queue->post(std::move(task));
}

TimerHandle EventLoop::post_after(Duration delay, Task task) {
  const TimerKey key = state_->queue->add_timer(delay, std::move(task));
  return std::make_unique<QueueTimer>(state_->queue, key);
}

void EventLoop::stop() {
  if (!state_->thread.joinable()) return;
  state_->queue->stop();
  state_->thread.join();
  state_->queue->clear();
}

bool EventLoop::is_current() const {
  return std::this_thread::get_id() == state_->id;
}

Duration EventLoop::cpu_time() const {
  clockid_t clock{};
  timespec used{};
  if (!state_->thread.joinable() ||
      pthread_getcpuclockid(state_->thread.native_handle(), &clock) != 0 ||
      clock_gettime(clock, &used) != 0) {
    return {};
  }
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

struct ThreadPool::State {
  std::shared_ptr<TaskQueue> queue = std::make_shared<TaskQueue>();
  std::vector<std::thread> threads;
};

ThreadPool::ThreadPool(const char* name, std::size_t threads) : state_(std::make_shared<State>()) {
  for (std::size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back([queue = state_->queue] { queue->run(/*drain=*/true); });
    pthread_setname_np(state_->threads.back().native_handle(), name);
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::post(Task task) {
  state_->queue->post(std::move(task));
}

TimerHandle ThreadPool::post_after(Duration delay, Task task) {
  const TimerKey key = state_->queue->add_timer(delay, std::move(task));
  return std::make_unique<QueueTimer>(state_->queue, key);
}

struct ResizablePool::State {
  const char* name = "";
  std::shared_ptr<TaskQueue> queue = std::make_shared<TaskQueue>();
  Mutex mutex{LockRank::Session};
  bool stopped OTTLA_GUARDED_BY(mutex) = false;
  std::size_t size OTTLA_GUARDED_BY(mutex) = 0;
  std::vector<std::thread> threads OTTLA_GUARDED_BY(mutex);  // with those that have left
};

ResizablePool::ResizablePool(const char* name, std::size_t threads)
    : state_(std::make_shared<State>()) {
  state_->name = name;
  resize(threads);
}

ResizablePool::~ResizablePool() {
  stop();
}

void ResizablePool::post(Task task) {
  state_->queue->post(std::move(task));
}

TimerHandle ResizablePool::post_after(Duration delay, Task task) {
  const TimerKey key = state_->queue->add_timer(delay, std::move(task));
  return std::make_unique<QueueTimer>(state_->queue, key);
}

void ResizablePool::resize(std::size_t threads) {
  const MutexLock lock(state_->mutex);
  if (state_->stopped) return;
  threads = std::max<std::size_t>(threads, 1);
  if (threads < state_->size) state_->queue->let_leave(state_->size - threads);
  for (std::size_t i = state_->size; i < threads; ++i) {
    state_->threads.emplace_back([queue = state_->queue] { queue->run(/*drain=*/true); });
    pthread_setname_np(state_->threads.back().native_handle(), state_->name);
  }
  state_->size = threads;
}

PoolLoad ResizablePool::load() const {
  PoolLoad load = state_->queue->load();
  const MutexLock lock(state_->mutex);
  load.threads = state_->size;
  return load;
}

void ResizablePool::stop() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(state_->mutex);
    state_->stopped = true;
    threads.swap(state_->threads);
  }
  state_->queue->stop();
  for (std::thread& thread : threads) thread.join();
  state_->queue->clear();
}

void ThreadPool::stop() {
  state_->queue->stop();
  for (std::thread& thread : state_->threads) thread.join();
  state_->threads.clear();
  state_->queue->clear();
}

}  // namespace ottla::env
