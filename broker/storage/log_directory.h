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
#include "common/env/random.h"

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

/// One entry of log.dirs: its lock, identity, checkpoints and how it was left by its last user. It
/// may fail and come back: each time it is in use it has a LogHealth of its own.
/// Thread: any for const functions and `health`; the others belong to the LogStore, which calls
/// them one at a time, but for `look_at_space`, which may overlap with all of them.
class LogDirectory {
 public:
  /// A write found the volume full; on the executor.
  using OnFull = std::function<void(LogDirectory&)>;

  LogDirectory(env::FileSystem& files, std::string path, env::Executor& executor,
               LogHealth::OnOffline on_offline, OnFull on_full = nullptr);

  /// Creates the directory if it is missing, locks it and reads what its last user left. After an
  /// error it is offline. Errors: KafkaStorageError; InvalidConfig (meta.properties, a foreign
  /// directory, another process holds the lock), which must stop the start.
  Result<> open();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] LogHealth& health() const { return *health_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_online() const { return health().is_online(); }
  [[nodiscard]] const std::optional<MetaProperties>& meta() const { return meta_; }
  [[nodiscard]] ShutdownKind shutdown_kind() const { return shutdown_kind_; }

  /// Writes meta.properties unless it is there with the same content.
  Result<> write_meta(const MetaProperties& meta);
  /// Removes the clean shutdown marker, after it was seen.
  Result<> begin_use();
  /// Notes the kernel's boot id: from now on a crash of the process is one of the process only. A
  /// full disk puts it off.
  Result<> note_boot();
  /// Writes the clean shutdown marker: everything must be synced.
  Result<> end_use();
  /// There will be no such marker: something could not be synced.
  void forbid_marker() { marker_forbidden_ = true; }

  /// Partition directories and leftovers. Errors: InvalidConfig for a directory that is none of
  /// Kafka's.
  Result<std::vector<std::pair<std::string, DirectoryName>>> list();

  Result<PartitionOffsets> read_checkpoint(std::string_view name);
  Result<> write_checkpoint(std::string_view name, const PartitionOffsets& offsets);

  // Coming back after a failure (log_directory_return.cc). Blocks.

  /// Whether it works again, while it is offline: it is there, locked by us, says whose it is, and
  /// a file can be written, synced and read. Nothing is trusted that was not proven now. Errors:
  /// KafkaStorageError, InvalidConfig, with a text for the operator.
  Result<> probe(const MetaProperties& identity, env::Random& random);
  /// Prepares a life of its own for it, under which logs are opened while `is_online` still says
  /// no: from now on it counts as after a crash of the host (W1), durably.
  Result<LogHealth*> prepare_return();
  /// The prepared life is the dir's from now on.
  void come_back(LogHealth* life);

  // Room on the volume (log_directory_space.cc).

  struct SpaceChange {
    SpaceState before = SpaceState::Enough;
    SpaceState after = SpaceState::Enough;
    env::VolumeSpace space;
  };
  /// Looks how much is left, gives the reserve file up or makes it anew, and tells if the state is
  /// another one than was told last. Blocks.
  std::optional<SpaceChange> look_at_space(const SpaceLimits& limits);
  /// As of the last look; nullopt before the first one.
  [[nodiscard]] std::optional<std::uint64_t> usable_bytes() const;
  /// Of the volume; 0 before the first look.
  [[nodiscard]] std::uint64_t total_bytes() const {
    return total_bytes_.load(std::memory_order_relaxed);
  }

 private:
  Result<> read_state();
  [[nodiscard]] std::unique_ptr<LogHealth> make_health();
  Result<> look_again(const SpaceLimits& limits, std::optional<SpaceChange>& change);
  Result<std::uint64_t> reserve_size();
  Result<> make_reserve(std::uint64_t bytes);
  [[nodiscard]] std::string file(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

  static constexpr std::uint64_t kNotLooked = UINT64_MAX;

  env::FileSystem& files_;
  const std::string path_;
  env::Executor& executor_;
  const LogHealth::OnOffline on_offline_;
  const OnFull on_full_;
  std::vector<std::unique_ptr<LogHealth>> lives_;  ///< Logs of former ones may still be held.
  std::atomic<LogHealth*> health_;
  std::atomic<std::size_t> life_ = 0;  ///< Of lives_, the one in use.
  std::unique_ptr<env::FileLock> lock_;
  std::optional<MetaProperties> meta_;
  std::atomic<ShutdownKind> shutdown_kind_ = ShutdownKind::Clean;
  bool boot_noted_ = false;
  std::atomic<bool> marker_forbidden_ = false;
  std::atomic<bool> looking_ = false;
  SpaceState told_space_ = SpaceState::Enough;  // of whoever looks
  std::atomic<std::uint64_t> usable_bytes_ = kNotLooked;
  std::atomic<std::uint64_t> total_bytes_ = 0;
};

/// partition.metadata: the topic's id. nullopt if the file is missing, or empty: a crash of the
/// host left that of a log that was just made. Errors: CorruptMessage.
Result<std::optional<TopicId>> read_partition_metadata(env::FileSystem& files,
                                                       const std::string& directory);
Result<> write_partition_metadata(env::FileSystem& files, const std::string& directory,
                                  const TopicId& topic_id);
/// In the directory of a log that was just made; synced when that log is first flushed.
Result<> write_first_partition_metadata(env::FileSystem& files, const std::string& directory,
                                        const TopicId& topic_id);

}  // namespace ottla::storage
