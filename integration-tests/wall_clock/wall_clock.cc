// A wall clock of its own for a process: preloaded, it shifts what the process reads of
// CLOCK_REALTIME by the nanoseconds in the file that OTTLA_WALL_CLOCK names (8 bytes, native order,
// changed at any time), and makes waits until a time of that clock end as the kernel's would when
// the clock jumps while they last. The monotonic clock, timers and times of files stay the
// kernel's.
//
// Waits are cut into slices: after each the shifted clock is read again. Waits with a condition
// variable may wake up without a reason, as POSIX allows.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kSlice = kSecond / 20;

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::int64_t true_now(clockid_t clock) {
  static auto* const read = next<int(clockid_t, timespec*)>("clock_gettime");
  timespec now{};
  read(clock, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

std::int64_t ahead() {
  static const auto* const page = []() -> const std::atomic<std::int64_t>* {
    const char* const path = std::getenv("OTTLA_WALL_CLOCK");
    const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* const mapped = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    return mapped == MAP_FAILED ? nullptr : static_cast<const std::atomic<std::int64_t>*>(mapped);
  }();
  return page == nullptr ? 0 : page->load(std::memory_order_relaxed);
}

std::int64_t wall_now() {
  return true_now(CLOCK_REALTIME) + ahead();
}

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

timespec to_timespec(std::int64_t nanoseconds) {
  return {.tv_sec = nanoseconds / kSecond, .tv_nsec = nanoseconds % kSecond};
}

/// `wait(until)` waits until a true time of CLOCK_REALTIME; 0, or an error number.
template <class Wait>
int wait_in_slices(const timespec& deadline, Wait wait) {
  while (true) {
    const std::int64_t left = nanoseconds(deadline) - wall_now();
    const timespec until =
        to_timespec(true_now(CLOCK_REALTIME) + std::clamp<std::int64_t>(left, 0, kSlice));
    const int error = wait(until);
    if (error != ETIMEDOUT || nanoseconds(deadline) <= wall_now()) return error;
  }
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) {
  static auto* const read = next<int(clockid_t, timespec*)>("clock_gettime");
  const int outcome = read(clock, now);
  if (outcome == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    *now = to_timespec(nanoseconds(*now) + ahead());
  }
  return outcome;
}

int gettimeofday(timeval* now, void*) {
  const std::int64_t wall = wall_now();
  now->tv_sec = wall / kSecond;
  now->tv_usec = wall % kSecond / 1000;
  return 0;
}

time_t time(time_t* now) {
  const time_t seconds = wall_now() / kSecond;
  if (now != nullptr) *now = seconds;
  return seconds;
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* deadline) {
  static auto* const wait =
      next<int(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*)>(
          "pthread_cond_clockwait");
  if (clock != CLOCK_REALTIME) return wait(condition, mutex, clock, deadline);
  return wait_in_slices(
      *deadline, [&](const timespec& until) { return wait(condition, mutex, clock, &until); });
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* deadline) {
  static auto* const wait =
      next<int(pthread_cond_t*, pthread_mutex_t*, const timespec*)>("pthread_cond_timedwait");
  constexpr unsigned kIsMonotonic = 2;  // in glibc's pthread_cond_t
  if ((condition->__data.__wrefs & kIsMonotonic) != 0) return wait(condition, mutex, deadline);
  return wait_in_slices(*deadline,
                        [&](const timespec& until) { return wait(condition, mutex, &until); });
}

int sem_timedwait(sem_t* semaphore, const timespec* deadline) {
  static auto* const wait = next<int(sem_t*, const timespec*)>("sem_timedwait");
  const int error = wait_in_slices(
      *deadline, [&](const timespec& until) { return wait(semaphore, &until) == 0 ? 0 : errno; });
  errno = error == 0 ? errno : error;
  return error == 0 ? 0 : -1;
}

/// Abseil's waits are futexes of its own, until times of the wall clock.
long syscall(long number, ...) {
  va_list words;
  va_start(words, number);
  long a[6];
  for (long& word : a) word = va_arg(words, long);
  va_end(words);
  static auto* const call = next<long(long, ...)>("syscall");
  auto* const deadline = reinterpret_cast<const timespec*>(a[3]);
  constexpr long kWaitByWallClock = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
  if (number != SYS_futex || (a[1] & ~FUTEX_PRIVATE_FLAG) != kWaitByWallClock ||
      deadline == nullptr) {
    return call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  }
  const int error = wait_in_slices(*deadline, [&](const timespec& until) {
    return call(number, a[0], a[1], a[2], &until, a[4], a[5]) == 0 ? 0 : errno;
  });
  errno = error == 0 ? errno : error;
  return error == 0 ? 0 : -1;
}

}  // extern "C"
