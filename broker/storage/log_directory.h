#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/storage/checkpoint.h"
#include "broker/storage/file_names.h"
#include "broker/storage/log_health.h"
#include "broker/storage/log_types.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// meta.properties: whose data a log dir holds.
struct MetaProperties {
  std::optional<BrokerId> broker_id;
  std::optional<std::string> cluster_id;
  friend bool operator==(const MetaProperties&, const MetaProperties&) = default;
};
/// Errors: InvalidConfig.
[[nodiscard]] Result<MetaProperties> parse_meta_properties(std::string_view text);
[[nodiscard]] std::string format_meta_properties(const MetaProperties& meta);

/// One entry of log.dirs: its lock, identity, checkpoints and how it was left by its last user.
/// Thread: any for const functions; the others belong to the LogStore, which calls them one at a
/// time.
class LogDirectory {
 public:
  /// Creates the directory if it is missing, locks it and reads what its last user left. Errors:
  /// KafkaStorageError; InvalidConfig (meta.properties, a foreign directory, another process holds
  /// the lock), which must stop the start.
  static Result<std::unique_ptr<LogDirectory>> open(env::FileSystem& files, std::string path,
                                                    env::Executor& executor,
                                                    LogHealth::OnOffline on_offline);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] LogHealth& health() { return health_; }
  [[nodiscard]] bool is_online() const { return health_.is_online(); }
  [[nodiscard]] const std::optional<MetaProperties>& meta() const { return meta_; }
  [[nodiscard]] ShutdownKind shutdown_kind() const { return shutdown_kind_; }

  /// Writes meta.properties unless it is there with the same content.
  Result<> write_meta(const MetaProperties& meta);
  /// Removes the clean shutdown marker, after it was seen.
  Result<> begin_use();
  /// Notes the kernel's boot id: from now on a crash of the process is one of the process only.
  Result<> note_boot();
  /// Writes the clean shutdown marker: everything must be synced.
  Result<> end_use();

  /// Partition directories and leftovers. Errors: InvalidConfig for a directory that is none of
  /// Kafka's.
  Result<std::vector<std::pair<std::string, DirectoryName>>> list();

  Result<PartitionOffsets> read_checkpoint(std::string_view name);
  Result<> write_checkpoint(std::string_view name, const PartitionOffsets& offsets);

 private:
  LogDirectory(env::FileSystem& files, std::string path, env::Executor& executor,
               LogHealth::OnOffline on_offline);
  Result<> read_state();
  [[nodiscard]] std::string file(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

  env::FileSystem& files_;
  const std::string path_;
  LogHealth health_;
  std::unique_ptr<env::FileLock> lock_;
  std::optional<MetaProperties> meta_;
  ShutdownKind shutdown_kind_ = ShutdownKind::Clean;
  bool boot_noted_ = false;
};

/// partition.metadata: the topic's id. nullopt if the file is missing. Errors: CorruptMessage.
Result<std::optional<TopicId>> read_partition_metadata(env::FileSystem& files,
                                                       const std::string& directory);
Result<> write_partition_metadata(env::FileSystem& files, const std::string& directory,
                                  const TopicId& topic_id);

}  // namespace ottla::storage
