// A disk that fails or hangs, for a process: preloaded, it stands between the process and its
// files. The file that OTTLA_FAULTY_DISK names says what happens, and is looked at before each
// operation: three numbers (32 bits, native order) for reads, writes and syncs, and a text that
// ends with 0. What has this text in its path is on the disk. A number is 0 (all is well), an errno
// (operations fail with it), or negative (they hang until the number is another one).
//
// A read that must not wait (RWF_NOWAIT) finds nothing in memory while reads fail or hang.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace {

enum Operation : std::uint8_t { kRead, kWrite, kSync };

struct Disk {
  std::atomic<std::int32_t> state[3];
  char where[244];
};

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

const Disk* disk() {
  static const Disk* const found = []() -> const Disk* {
    const char* const path = std::getenv("OTTLA_FAULTY_DISK");
    const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* const mapped = ::mmap(nullptr, sizeof(Disk), PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    return mapped == MAP_FAILED ? nullptr : static_cast<const Disk*>(mapped);
  }();
  return found;
}

bool is_on_disk(int file) {
  char link[64];
  char path[4096];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const ssize_t length = ::readlink(link, path, sizeof(path) - 1);
  if (length <= 0) return false;
  path[length] = 0;
  return std::strstr(path, disk()->where) != nullptr;
}

bool is_well(Operation operation, int file) {
  return disk() == nullptr || disk()->state[operation].load() == 0 || !is_on_disk(file);
}

/// The errno of what the operation comes to, after it has hung if it does; 0: it is carried out.
int outcome(Operation operation, int file) {
  if (is_well(operation, file)) return 0;
  const std::int32_t at_first = disk()->state[operation].load();
  if (at_first > 0) return at_first;
  constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 5'000'000};
  while (disk()->state[operation].load() == at_first) ::nanosleep(&kMoment, nullptr);
  return outcome(operation, file);
}

bool fails(Operation operation, int file) {
  const int error = outcome(operation, file);
  if (error != 0) errno = error;
  return error != 0;
}

}  // namespace

extern "C" {

ssize_t pread(int file, void* into, size_t size, off_t at) {
  static auto* const call = next<ssize_t(int, void*, size_t, off_t)>("pread");
  return fails(kRead, file) ? -1 : call(file, into, size, at);
}

ssize_t pread64(int file, void* into, size_t size, off64_t at) {
  return pread(file, into, size, at);
}

ssize_t preadv2(int file, const iovec* pieces, int count, off_t at, int flags) {
  static auto* const call = next<ssize_t(int, const iovec*, int, off_t, int)>("preadv2");
  if ((flags & RWF_NOWAIT) != 0 && !is_well(kRead, file)) {
    errno = EAGAIN;
    return -1;
  }
  return fails(kRead, file) ? -1 : call(file, pieces, count, at, flags);
}

ssize_t preadv64v2(int file, const iovec* pieces, int count, off64_t at, int flags) {
  return preadv2(file, pieces, count, at, flags);
}

ssize_t sendfile(int socket, int file, off_t* at, size_t size) noexcept {
  static auto* const call = next<ssize_t(int, int, off_t*, size_t)>("sendfile");
  return fails(kRead, file) ? -1 : call(socket, file, at, size);
}

ssize_t sendfile64(int socket, int file, off64_t* at, size_t size) noexcept {
  return sendfile(socket, file, at, size);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  static auto* const call = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return fails(kWrite, file) ? -1 : call(file, data, size, at);
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t at) {
  return pwrite(file, data, size, at);
}

ssize_t pwritev(int file, const iovec* pieces, int count, off_t at) {
  static auto* const call = next<ssize_t(int, const iovec*, int, off_t)>("pwritev");
  return fails(kWrite, file) ? -1 : call(file, pieces, count, at);
}

ssize_t pwritev64(int file, const iovec* pieces, int count, off64_t at) {
  return pwritev(file, pieces, count, at);
}

int posix_fallocate(int file, off_t at, off_t size) {
  static auto* const call = next<int(int, off_t, off_t)>("posix_fallocate");
  const int error = outcome(kWrite, file);
  return error != 0 ? error : call(file, at, size);
}

int posix_fallocate64(int file, off64_t at, off64_t size) {
  return posix_fallocate(file, at, size);
}

int fsync(int file) {
  static auto* const call = next<int(int)>("fsync");
  return fails(kSync, file) ? -1 : call(file);
}

int fdatasync(int file) {
  static auto* const call = next<int(int)>("fdatasync");
  return fails(kSync, file) ? -1 : call(file);
}

int sync_file_range(int file, off64_t at, off64_t size, unsigned flags) {
  static auto* const call = next<int(int, off64_t, off64_t, unsigned)>("sync_file_range");
  return fails(kSync, file) ? -1 : call(file, at, size, flags);
}

}  // extern "C"
