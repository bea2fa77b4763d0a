#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/file_system.h"
#include "common/env/random.h"

namespace ottla::testing {

/// A disk in memory that is as nasty as disks may be. Until `File::sync`, what was written may be
/// lost, torn at any byte, or arrive page by page in any order; until `sync_directory`, created,
/// removed and renamed names may be as before. A crash of the process loses nothing (the page cache
/// stays); a crash of the host loses what the seed says, and changes the boot id. The same seed and
/// operations give the same disk.
/// Thread: any (mutex_, LockRank::Leaf).
class SimulatedFileSystem final : public env::FileSystem {
 public:
  /// `clock` gives modification times; without one they are 0.
  explicit SimulatedFileSystem(std::uint64_t seed, const env::Clock* clock = nullptr);
  ~SimulatedFileSystem() override;

  // Faults.

  /// The process dies: open files and locks are gone, all bytes and names stay.
  void crash_process();
  /// The host dies: so do unsynced bytes and names, as far as the seed says.
  void crash_host();
  /// The machine stops within the operation number `operations` from now that changes something (a
  /// write then gets through in part); everything fails from there until one of the crashes above.
  void stop_after(std::uint64_t operations);
  [[nodiscard]] bool is_stopped() const;
  /// Operations so far that change something.
  [[nodiscard]] std::uint64_t operations() const;
  /// Bytes that may still be added to files; nullopt: no limit. A write that does not fit gets
  /// through in part and fails with DiskFull. What is cut or removed is free again.
  void set_free_bytes(std::optional<std::uint64_t> bytes);
  /// Asked before each operation ("open", "read", "write", "truncate", "sync", "rename", "remove",
  /// "create_directory", "sync_directory", "list", "lock"); an errno other than 0 makes it fail.
  using Fault = std::function<int(std::string_view operation, const std::string& path)>;
  void set_fault(Fault fault);
  /// What `File::is_cached` answers.
  void set_cached(bool cached);

  // What a test sees of the disk, whatever faults there are; no operation, and of no process.

  /// A file's bytes as running processes have written them; nullopt if there is no such file.
  [[nodiscard]] std::optional<std::string> content(const std::string& path) const;
  /// The names in a directory, in order; none if there is no such directory.
  [[nodiscard]] std::vector<std::string> names(const std::string& path) const;

  // env::FileSystem.

  Result<std::shared_ptr<env::File>> open(const std::string& path, env::OpenMode mode) override;
  Result<> remove(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> create_directories(const std::string& path) override;
  Result<> remove_all(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<std::vector<env::DirectoryEntry>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<env::WallTimeMs> modified_ms(const std::string& path) override;
  Result<> set_modified_ms(const std::string& path, env::WallTimeMs time) override;
  /// As much is free as `set_free_bytes` says, of 1 TiB.
  Result<env::VolumeSpace> space(const std::string& directory) override;
  Result<std::unique_ptr<env::FileLock>> lock(const std::string& path) override;
  std::string boot_id() const override;

 private:
  struct Node;
  class SimulatedFile;
  class SimulatedLock;
  using NodePointer = std::shared_ptr<Node>;

  /// Where a path leads: its parent directory, its last name, and what stands there, if anything.
  struct Place {
    NodePointer parent;
    std::string name;
    NodePointer node;
  };

  [[nodiscard]] Place find(const std::string& path) const OTTLA_REQUIRES(mutex_);
  Result<> check(std::string_view operation, const std::string& path) OTTLA_REQUIRES(mutex_);
  /// As `check`, for what changes something; false: the machine stops in the middle of it.
  Result<bool> check_change(std::string_view operation, const std::string& path)
      OTTLA_REQUIRES(mutex_);
  void set_name(Node& directory, const std::string& name, NodePointer node) OTTLA_REQUIRES(mutex_);
  Result<> write(Node& node, const std::string& path, std::span<const ByteView> pieces,
                 std::uint64_t position) OTTLA_REQUIRES(mutex_);
  void give_back(Node& node, std::uint64_t bytes) OTTLA_REQUIRES(mutex_);
  void lose_unsynced(Node& node) OTTLA_REQUIRES(mutex_);
  void lose_bytes(Node& file) OTTLA_REQUIRES(mutex_);
  [[nodiscard]] env::WallTimeMs now() const { return clock_ ? clock_->wall_now_ms() : 0; }

  const env::Clock* const clock_;
  mutable Mutex mutex_{LockRank::Leaf};
  env::SeededRandom random_ OTTLA_GUARDED_BY(mutex_);
  NodePointer root_ OTTLA_GUARDED_BY(mutex_);
  std::uint64_t process_ OTTLA_GUARDED_BY(mutex_) = 0;  ///< Open files of earlier ones are dead.
  std::uint64_t boot_ OTTLA_GUARDED_BY(mutex_) = 1;
  std::uint64_t operations_ OTTLA_GUARDED_BY(mutex_) = 0;
  std::optional<std::uint64_t> stop_at_ OTTLA_GUARDED_BY(mutex_);
  bool stopped_ OTTLA_GUARDED_BY(mutex_) = false;
  bool cached_ OTTLA_GUARDED_BY(mutex_) = true;
  std::optional<std::uint64_t> free_bytes_ OTTLA_GUARDED_BY(mutex_);
  Fault fault_ OTTLA_GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t> locks_ OTTLA_GUARDED_BY(mutex_);  ///< Path to process.
};

}  // namespace ottla::testing
