// libottla-count.so: preloaded into a broker, counts what it asks of the allocator and of the
// kernel, into the file OTTLA_COUNT_DIRECTORY/PID. Counts are exact where times are not, so that a
// test can hold requests to them.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

/// The order in the file; bench/counts.py has the same.
enum Counter : std::uint8_t {
  kAllocations,
  kAllocatedBytes,
  kRead,
  kWrite,
  kReceive,
  kSend,
  kSendfile,
  kWait,
  kWatch,
  kOpen,
  kClose,
  kSync,
  kCounters
};

using Counters = std::atomic<std::uint64_t>[kCounters];

Counters no_counters;
Counters* counters = &no_counters;

__attribute__((constructor)) void open_counters() {
  const char* directory = std::getenv("OTTLA_COUNT_DIRECTORY");
  if (directory == nullptr) return;
  char path[4096];
  std::snprintf(path, sizeof path, "%s/%d", directory, getpid());
  const int fd =
      static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd < 0 || ftruncate(fd, sizeof(Counters)) != 0) return;
  void* shared = mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (shared != MAP_FAILED) counters = static_cast<Counters*>(shared);
}

void add(Counter counter, std::uint64_t amount = 1) {
  (*counters)[counter].fetch_add(amount, std::memory_order_relaxed);
}

void allocated(std::size_t size) {
  add(kAllocations);
  add(kAllocatedBytes, size);
}

template <class Result = ssize_t, class... Arguments>
Result counted(Counter counter, long number, Arguments... arguments) {
  add(counter);
  return static_cast<Result>(syscall(number, arguments...));
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
  allocated(size);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  allocated(count * size);
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  allocated(size);
  return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  allocated(size);
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** to, std::size_t alignment, std::size_t size) {
  allocated(size);
  *to = __libc_memalign(alignment, size);
  return *to == nullptr ? ENOMEM : 0;
}

ssize_t read(int fd, void* to, std::size_t size) {
  return counted(kRead, SYS_read, fd, to, size);
}
ssize_t readv(int fd, const iovec* to, int count) {
  return counted(kRead, SYS_readv, fd, to, count);
}
ssize_t pread(int fd, void* to, std::size_t size, off_t at) {
  return counted(kRead, SYS_pread64, fd, to, size, at);
}
ssize_t preadv(int fd, const iovec* to, int count, off_t at) {
  return counted(kRead, SYS_preadv, fd, to, count, at, 0L);
}
ssize_t preadv2(int fd, const iovec* to, int count, off_t at, int flags) {
  return counted(kRead, SYS_preadv2, fd, to, count, at, 0L, flags);
}
ssize_t write(int fd, const void* from, std::size_t size) {
  return counted(kWrite, SYS_write, fd, from, size);
}
ssize_t writev(int fd, const iovec* from, int count) {
  return counted(kWrite, SYS_writev, fd, from, count);
}
ssize_t pwrite(int fd, const void* from, std::size_t size, off_t at) {
  return counted(kWrite, SYS_pwrite64, fd, from, size, at);
}
ssize_t pwritev(int fd, const iovec* from, int count, off_t at) {
  return counted(kWrite, SYS_pwritev, fd, from, count, at, 0L);
}
ssize_t recv(int fd, void* to, std::size_t size, int flags) {
  return counted(kReceive, SYS_recvfrom, fd, to, size, flags, nullptr, nullptr);
}
ssize_t recvmsg(int fd, msghdr* to, int flags) {
  return counted(kReceive, SYS_recvmsg, fd, to, flags);
}
ssize_t send(int fd, const void* from, std::size_t size, int flags) {
  return counted(kSend, SYS_sendto, fd, from, size, flags, nullptr, 0);
}
ssize_t sendmsg(int fd, const msghdr* from, int flags) {
  return counted(kSend, SYS_sendmsg, fd, from, flags);
}
ssize_t sendfile(int to, int from, off_t* at, std::size_t size) {
  return counted(kSendfile, SYS_sendfile, to, from, at, size);
}
int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  return counted<int>(kWait, SYS_epoll_pwait, epoll, events, most, timeout, nullptr, 8L);
}
int epoll_pwait(int epoll, epoll_event* events, int most, int timeout, const sigset_t* mask) {
  return counted<int>(kWait, SYS_epoll_pwait, epoll, events, most, timeout, mask, 8L);
}
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  return counted<int>(kWatch, SYS_epoll_ctl, epoll, operation, fd, event);
}
int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    __builtin_va_list more;
    __builtin_va_start(more, flags);
    mode = static_cast<mode_t>(__builtin_va_arg(more, unsigned));
    __builtin_va_end(more);
  }
  return counted<int>(kOpen, SYS_openat, AT_FDCWD, path, flags, mode);
}
int close(int fd) {
  return counted<int>(kClose, SYS_close, fd);
}
int fsync(int fd) {
  return counted<int>(kSync, SYS_fsync, fd);
}
int fdatasync(int fd) {
  return counted<int>(kSync, SYS_fdatasync, fd);
}

}  // extern "C"
