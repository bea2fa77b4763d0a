#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "common/env/file_system.h"

namespace ottla::env {
namespace {

tl::unexpected<Error> io_failure(std::string_view what, const std::string& path) {
  const int error_number = errno;
  return fail(io_error(std::string(what) + " " + path, error_number));
}

class PosixFile final : public File {
 public:
  explicit PosixFile(int descriptor) : descriptor_(descriptor) {}
  ~PosixFile() override { ::close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<std::size_t> read_at(MutableByteView into, std::uint64_t position) const override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = ::pread(descriptor_, into.data() + done, into.size() - done,
                                  static_cast<off_t>(position + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failure("cannot read");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<std::optional<std::size_t>> read_cached_at(MutableByteView into,
                                                    std::uint64_t position) const override {
    const ssize_t got = read_now(into, position);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN) return std::nullopt;
    if (errno == EOPNOTSUPP) return File::read_cached_at(into, position);
    return failure("cannot read");
  }

  Result<> write_at(std::span<const ByteView> pieces, std::uint64_t position) override {
    std::vector<iovec> vectors;
    vectors.reserve(pieces.size());
    for (const ByteView& piece : pieces) {
      if (piece.empty()) continue;
      vectors.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
    }
    std::span<iovec> left(vectors);
    while (!left.empty()) {
      const ssize_t wrote = ::pwritev(descriptor_, left.data(),
                                      static_cast<int>(std::min<std::size_t>(left.size(), IOV_MAX)),
                                      static_cast<off_t>(position));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return failure("cannot write");
      position += static_cast<std::uint64_t>(wrote);
      left = drop_written(left, static_cast<std::size_t>(wrote));
    }
    return {};
  }

  Result<> truncate(std::uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
      return failure("cannot truncate");
    }
    return {};
  }

  Result<> allocate(std::uint64_t size) override {
    // Where the file system cannot, glibc writes to every block.
    const int error_number = ::posix_fallocate(descriptor_, 0, static_cast<off_t>(size));
    if (error_number != 0) return fail(io_error("cannot allocate " + name(), error_number));
    return {};
  }

  void drop_cache(std::uint64_t position, std::uint64_t length) override {
    // A hint, as write-back is.
    (void)::posix_fadvise(descriptor_, static_cast<off_t>(position), static_cast<off_t>(length),
                          POSIX_FADV_DONTNEED);
  }

  void start_reading(std::uint64_t position, std::uint64_t length) const override {
    // A hint, too: the read that follows waits, or reads itself.
    (void)::posix_fadvise(descriptor_, static_cast<off_t>(position), static_cast<off_t>(length),
                          POSIX_FADV_WILLNEED);
  }

  Result<> sync() override {
    if (::fdatasync(descriptor_) != 0) return failure("cannot sync");
    return {};
  }

  void start_writeback(std::uint64_t position, std::uint64_t length) override {
    // A hint: if the kernel refuses, the pages are written later.
    (void)::sync_file_range(descriptor_, static_cast<off64_t>(position),
                            static_cast<off64_t>(length), SYNC_FILE_RANGE_WRITE);
  }

  bool is_cached(std::uint64_t position, std::uint64_t length) const override {
    if (length == 0) return true;
    // A mapping locks the address space of all threads: for a few pages a copy costs less, where
    // the file system knows RWF_NOWAIT (overlayfs does not).
    if (length <= kCopiedBytes) {
      std::array<std::byte, kCopiedBytes> scratch;
      const ssize_t got = read_now(MutableByteView(scratch).first(length), position);
      if (got >= 0) return true;
      if (errno != EOPNOTSUPP) return errno != EAGAIN;  // an error: whoever reads finds it
    }
    const auto file_size = size();
    if (!file_size) return false;
    const std::uint64_t end = std::min(position + length, *file_size);
    if (position >= end) return true;
    const std::uint64_t page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t begin = position / page * page;
    const std::size_t span = static_cast<std::size_t>(end - begin);
    void* const map =
        ::mmap(nullptr, span, PROT_NONE, MAP_SHARED, descriptor_, static_cast<off_t>(begin));
    if (map == MAP_FAILED) return false;
    std::array<unsigned char, 512> resident;  // of 2 MiB
    bool all = true;
    for (std::size_t at = 0; at < span && all; at += resident.size() * page) {
      const std::size_t length_here = std::min(span - at, resident.size() * page);
      const std::size_t pages = (length_here + page - 1) / page;
      all = ::mincore(static_cast<std::byte*>(map) + at, length_here, resident.data()) == 0 &&
            std::all_of(resident.begin(), resident.begin() + static_cast<std::ptrdiff_t>(pages),
                        [](unsigned char flags) { return (flags & 1) != 0; });
    }
    ::munmap(map, span);
    return all;
  }

  Result<std::uint64_t> size() const override {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) return failure("cannot stat");
    return static_cast<std::uint64_t>(status.st_size);
  }

  int descriptor() const override { return descriptor_; }

 private:
  static constexpr std::size_t kCopiedBytes = 16 << 10;

  /// As pread, to the end or until the file ends: -1 with EAGAIN if not all of it is in memory,
  /// with EOPNOTSUPP where the file system does not know RWF_NOWAIT (it is asked once for each
  /// file).
  ssize_t read_now(MutableByteView into, std::uint64_t position) const {
    if (!can_read_now_.load(std::memory_order_relaxed)) {
      errno = EOPNOTSUPP;
      return -1;
    }
    std::size_t done = 0;
    while (done < into.size()) {
      const iovec left{into.data() + done, into.size() - done};
      const ssize_t got =
          ::preadv2(descriptor_, &left, 1, static_cast<off_t>(position + done), RWF_NOWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        if (errno == EOPNOTSUPP) can_read_now_.store(false, std::memory_order_relaxed);
        return got;
      }
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return static_cast<ssize_t>(done);
  }

  static std::span<iovec> drop_written(std::span<iovec> left, std::size_t wrote) {
    while (!left.empty() && wrote >= left.front().iov_len) {
      wrote -= left.front().iov_len;
      left = left.subspan(1);
    }
    if (!left.empty()) {
      left.front().iov_base = static_cast<std::byte*>(left.front().iov_base) + wrote;
      left.front().iov_len -= wrote;
    }
    return left;
  }

  /// Asked of the kernel, for messages: a broker has a few open files for each partition.
  [[nodiscard]] std::string name() const {
    std::array<char, PATH_MAX> name;
    const std::string link = "/proc/self/fd/" + std::to_string(descriptor_);
    const ssize_t length = ::readlink(link.c_str(), name.data(), name.size());
    return length < 0 ? "a file" : std::string(name.data(), static_cast<std::size_t>(length));
  }
  [[nodiscard]] tl::unexpected<Error> failure(std::string_view what) const {
    const int error_number = errno;
    return fail(io_error(std::string(what) + " " + name(), error_number));
  }

  int descriptor_;
  mutable std::atomic<bool> can_read_now_ = true;
};

/// Open-file-description lock: unlike a classic fcntl lock it is not lost when another descriptor
/// of the same file is closed, and it still excludes a JVM's lock on the file.
class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(int descriptor) : descriptor_(descriptor) {}
  ~PosixFileLock() override { ::close(descriptor_); }

 private:
  int descriptor_;
};

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::Read:
      return O_RDONLY;
    case OpenMode::ReadWrite:
      return O_RDWR;
    case OpenMode::CreateOrOpen:
      return O_RDWR | O_CREAT;
    case OpenMode::CreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

}  // namespace

Result<std::shared_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  const int descriptor = ::open(path.c_str(), open_flags(mode) | O_CLOEXEC, 0644);
  if (descriptor < 0) return io_failure("cannot open", path);
  return std::make_shared<PosixFile>(descriptor);
}

Result<> PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return io_failure("cannot remove", path);
  return {};
}

Result<> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return io_failure("cannot rename", from + " to " + to);
  return {};
}

Result<> PosixFileSystem::create_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(io_error("cannot create directory " + path, error.value()));
  return {};
}

Result<> PosixFileSystem::remove_all(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return fail(io_error("cannot remove " + path, error.value()));
  return {};
}

Result<> PosixFileSystem::sync_directory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return io_failure("cannot open directory", path);
  const int outcome = ::fsync(descriptor);
  const int error_number = errno;
  ::close(descriptor);
  if (outcome != 0) return fail(io_error("cannot sync directory " + path, error_number));
  return {};
}

Result<std::vector<DirectoryEntry>> PosixFileSystem::list(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entries(path, error);
  if (error) return fail(io_error("cannot list " + path, error.value()));
  std::vector<DirectoryEntry> found;
  for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    std::error_code ignored;  // an entry that vanished meanwhile counts as a file
    found.push_back({entries->path().filename().string(), entries->is_directory(ignored)});
  }
  if (error) return fail(io_error("cannot list " + path, error.value()));
  std::sort(found.begin(), found.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return found;
}

Result<bool> PosixFileSystem::exists(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return io_failure("cannot stat", path);
}

Result<WallTimeMs> PosixFileSystem::modified_ms(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return io_failure("cannot stat", path);
  return static_cast<WallTimeMs>(status.st_mtim.tv_sec) * 1000 + status.st_mtim.tv_nsec / 1000000;
}

Result<> PosixFileSystem::set_modified_ms(const std::string& path, WallTimeMs time) {
  timespec times[2];
  times[0].tv_sec = 0;
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = time / 1000;
  times[1].tv_nsec = time % 1000 * 1000000;
  if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) {
    return io_failure("cannot set the time of", path);
  }
  return {};
}

Result<VolumeSpace> PosixFileSystem::space(const std::string& directory) {
  struct statvfs volume{};
  if (::statvfs(directory.c_str(), &volume) != 0) {
    return io_failure("cannot get the free space of", directory);
  }
  return VolumeSpace{static_cast<std::uint64_t>(volume.f_blocks) * volume.f_frsize,
                     static_cast<std::uint64_t>(volume.f_bavail) * volume.f_frsize};
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return io_failure("cannot open", path);
  struct flock request{};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  if (::fcntl(descriptor, F_OFD_SETLK, &request) != 0) {
    const int error_number = errno;
    ::close(descriptor);
    return fail(io_error("cannot lock " + path + ": another process holds it", error_number));
  }
  return std::make_unique<PosixFileLock>(descriptor);
}

std::string PosixFileSystem::boot_id() const {
  PosixFileSystem files;
  std::string id(64, '\0');
  const auto file = files.open("/proc/sys/kernel/random/boot_id", OpenMode::Read);
  if (!file) return "";
  const auto got = (*file)->read_at(std::as_writable_bytes(std::span(id.data(), id.size())), 0);
  if (!got) return "";
  id.resize(*got);
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

}  // namespace ottla::env
