#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/env/clock.h"

namespace ottla::env {

/// Why an operation on the file system failed: what storage must tell apart.
enum class IoErrorKind : std::uint8_t { NotFound, Exists, DiskFull, Locked, Other };

/// An open file. Positions are absolute; there is no cursor. Errors carry KafkaStorageError and a
/// text with path and errno; `io_error_kind` tells which.
/// Thread: any (reads and writes of one file may overlap as pread and pwrite do).
class File {
 public:
  virtual ~File() = default;

  /// Reads up to `into.size()` bytes; fewer only at the end of the file. May block on the disk.
  virtual Result<std::size_t> read_at(MutableByteView into, std::uint64_t position) const = 0;
  /// As read_at, for what is in memory: nullopt where not all of the range is. Never blocks.
  virtual Result<std::optional<std::size_t>> read_cached_at(MutableByteView into,
                                                            std::uint64_t position) const;
  /// Writes all pieces one after another at `position`, as one pwritev where the kernel takes it.
  virtual Result<> write_at(std::span<const ByteView> pieces, std::uint64_t position) = 0;
  virtual Result<> truncate(std::uint64_t size) = 0;
  /// Makes the file at least that long, with room on the disk for all of it.
  virtual Result<> allocate(std::uint64_t size) = 0;
  /// fdatasync: the bytes and the size are on the disk when it returns.
  virtual Result<> sync() = 0;
  /// Starts writing back dirty pages of the range, and does not wait (sync_file_range).
  virtual void start_writeback(std::uint64_t position, std::uint64_t length) = 0;
  /// Starts reading exactly the range into the page cache (POSIX_FADV_WILLNEED). May block where
  /// the disk's queue is full.
  virtual void start_reading(std::uint64_t position, std::uint64_t length) const = 0;
  /// Lets go of what the page cache holds of the range and the disk has too (POSIX_FADV_DONTNEED).
  virtual void drop_cache(std::uint64_t position, std::uint64_t length) = 0;
  /// Whether a read of the range would find all of it in memory. Never blocks.
  [[nodiscard]] virtual bool is_cached(std::uint64_t position, std::uint64_t length) const = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  /// The descriptor for sendfile, or -1 when the file is simulated.
  [[nodiscard]] virtual int descriptor() const = 0;
};

enum class OpenMode : std::uint8_t {
  Read,          ///< The file must exist.
  ReadWrite,     ///< The file must exist.
  CreateOrOpen,  ///< Read and write.
  CreateNew,     ///< Read and write; Exists if the name is taken.
};

/// An exclusive lock on a file, held until destruction or the end of the process.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

/// The volume that a directory lies on.
struct VolumeSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t usable_bytes = 0;  ///< By this process: without what is reserved for root.
};

/// Thread: any.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<> remove(const std::string& path) = 0;
  /// Atomic replacement; durable only after `sync_directory` of the parent.
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<> create_directories(const std::string& path) = 0;
  /// The directory and all below it.
  virtual Result<> remove_all(const std::string& path) = 0;
  virtual Result<> sync_directory(const std::string& path) = 0;
  /// In the order of names.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  [[nodiscard]] virtual Result<bool> exists(const std::string& path) = 0;
  [[nodiscard]] virtual Result<WallTimeMs> modified_ms(const std::string& path) = 0;
  virtual Result<> set_modified_ms(const std::string& path, WallTimeMs time) = 0;
  [[nodiscard]] virtual Result<VolumeSpace> space(const std::string& directory) = 0;
  /// fcntl lock as Kafka's .lock; fails at once if another process holds it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  /// The kernel's boot id: another one means that the page cache of before is gone.
  [[nodiscard]] virtual std::string boot_id() const = 0;
};

[[nodiscard]] IoErrorKind io_error_kind(const Error& error);
/// An error whose `io_error_kind` is known; `what` is "cannot write PATH".
[[nodiscard]] Error io_error(std::string_view what, int error_number);

/// The whole file as text.
Result<std::string> read_file(FileSystem& files, const std::string& path);
/// Replaces the file atomically: PATH.tmp, sync, rename, sync of the directory.
Result<> replace_file(FileSystem& files, const std::string& path, std::string_view content);

/// Creates the directory and what is missing above it, so that they outlive a crash of the host.
Result<> create_directories_durably(FileSystem& files, const std::string& path);

/// The kernel's file system.
class PosixFileSystem final : public FileSystem {
 public:
  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<> remove(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> create_directories(const std::string& path) override;
  Result<> remove_all(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<WallTimeMs> modified_ms(const std::string& path) override;
  Result<> set_modified_ms(const std::string& path, WallTimeMs time) override;
  Result<VolumeSpace> space(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  std::string boot_id() const override;
};

}  // namespace ottla::env
