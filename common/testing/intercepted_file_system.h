#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "common/env/file_system.h"

namespace ottla::testing {

/// Another file system, with a test's code in the way of operations on names: it may look around,
/// or hold the operation up for as long as a slow disk would. Unlike a fault of
/// SimulatedFileSystem it runs without any lock. Files that are open are the other's.
/// Thread: as the file system below; `before` is called on the operation's thread.
class InterceptedFileSystem final : public env::FileSystem {
 public:
  /// Operations are named as SimulatedFileSystem names them.
  using Before = std::function<void(std::string_view operation, const std::string& path)>;

  InterceptedFileSystem(env::FileSystem& files, Before before)
      : files_(files), before_(std::move(before)) {}

  Result<std::shared_ptr<env::File>> open(const std::string& path, env::OpenMode mode) override {
    before_("open", path);
    return files_.open(path, mode);
  }
  Result<> remove(const std::string& path) override {
    before_("remove", path);
    return files_.remove(path);
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    before_("rename", from);
    return files_.rename(from, to);
  }
  Result<> create_directories(const std::string& path) override {
    before_("create_directory", path);
    return files_.create_directories(path);
  }
  Result<> remove_all(const std::string& path) override {
    before_("remove", path);
    return files_.remove_all(path);
  }
  Result<> sync_directory(const std::string& path) override {
    before_("sync_directory", path);
    return files_.sync_directory(path);
  }
  Result<std::vector<env::DirectoryEntry>> list(const std::string& path) override {
    before_("list", path);
    return files_.list(path);
  }
  Result<bool> exists(const std::string& path) override { return files_.exists(path); }
  Result<env::WallTimeMs> modified_ms(const std::string& path) override {
    return files_.modified_ms(path);
  }
  Result<> set_modified_ms(const std::string& path, env::WallTimeMs time) override {
    return files_.set_modified_ms(path, time);
  }
  Result<env::VolumeSpace> space(const std::string& directory) override {
    return files_.space(directory);
  }
  Result<std::unique_ptr<env::FileLock>> lock(const std::string& path) override {
    return files_.lock(path);
  }
  [[nodiscard]] std::string boot_id() const override { return files_.boot_id(); }

 private:
  env::FileSystem& files_;
  const Before before_;
};

}  // namespace ottla::testing
