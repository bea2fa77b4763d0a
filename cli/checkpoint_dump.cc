#include "cli/checkpoint_dump.h"

#include <string_view>

#include "broker/group/group_snapshot.h"
#include "broker/storage/checkpoint.h"
#include "broker/storage/file_names.h"
#include "broker/storage/leader_epochs.h"
#include "broker/storage/log_directory.h"
#include "cli/group_record_text.h"

namespace ottla::cli {
namespace {

/// membership::kDirectoryIdFile, of Ottla's registration.
constexpr std::string_view kDirectoryIdFile = "ottla.directory.id";

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_offset_checkpoint(std::string_view name) {
  return name == storage::kRecoveryPointCheckpoint || name == storage::kHighWatermarkCheckpoint ||
         name == storage::kLogStartCheckpoint || name == storage::kCleanerCheckpoint;
}

/// Whose content is a few words, or nothing that means anything.
bool is_text(std::string_view name) {
  return name == storage::kCleanShutdownMarker || name == storage::kMovedFromFile ||
         name == storage::kPutAsideFile || name == storage::kBootFile || name == kDirectoryIdFile;
}
bool is_without_meaning(std::string_view name) {
  return name == storage::kReserveFile || name == storage::kDiskProbeFile ||
         name == storage::kProbeFile || name == storage::kLockFile;
}

Result<> dump_group_snapshot(std::string_view content, Console& console) {
  OTTLA_TRY(const auto snapshot, group::decode_snapshot(as_bytes(content)));
  console.out << "snapshot of groups: end offset: " << snapshot.end
              << " last leader epoch: " << snapshot.last_epoch
              << " log start offset: " << snapshot.log_start_offset
              << " entries: " << snapshot.entries.size() << '\n';
  for (const group::GroupSnapshot::Entry& entry : snapshot.entries) {
    const auto& value = entry.record.value;
    const GroupRecordText text = group_record_text(
        as_bytes(entry.record.key), value ? std::optional(as_bytes(*value)) : std::nullopt);
    console.out << "offset: " << entry.log_offset;
    if (entry.producer != kNoProducerId) console.out << " open transaction of: " << entry.producer;
    console.out << " key: " << text.key << " payload: " << text.payload << '\n';
  }
  return {};
}

Result<> dump_topic_id(env::FileSystem& files, const std::string& path, Console& console) {
  const auto slash = path.rfind('/');
  OTTLA_TRY(const auto id, storage::read_partition_metadata(
                               files, slash == std::string::npos ? "." : path.substr(0, slash)));
  if (id) console.out << "topicId: " << *id << '\n';
  return {};
}

}  // namespace

bool is_small_file(const std::string& path) {
  const auto name = name_of(path);
  return is_offset_checkpoint(name) || name == storage::kLeaderEpochCheckpoint ||
         name == storage::kPartitionMetadata || name == storage::kMetaProperties ||
         name == group::kGroupSnapshotFile || is_text(name) || is_without_meaning(name);
}

Result<> dump_small_file(env::FileSystem& files, const std::string& path, Console& console) {
  const auto name = name_of(path);
  if (is_without_meaning(name)) {
    OTTLA_TRY(const auto file, files.open(path, env::OpenMode::Read));
    OTTLA_TRY(const std::uint64_t size, file->size());
    console.out << size << " bytes without a meaning\n";
    return {};
  }
  OTTLA_TRY(const std::string text, env::read_file(files, path));
  if (name == group::kGroupSnapshotFile) return dump_group_snapshot(text, console);
  if (is_text(name)) {
    console.out << text << (text.ends_with('\n') ? "" : "\n");
    return {};
  }
  if (name == storage::kPartitionMetadata) return dump_topic_id(files, path, console);
  if (name == storage::kMetaProperties) {
    OTTLA_TRY(const auto meta, storage::parse_meta_properties(text));
    if (meta.broker_id) console.out << "brokerId: " << *meta.broker_id << '\n';
    if (meta.cluster_id) console.out << "clusterId: " << *meta.cluster_id << '\n';
    return {};
  }
  if (name == storage::kLeaderEpochCheckpoint) {
    OTTLA_TRY(const auto epochs, storage::LeaderEpochs::from_checkpoint(text));
    for (const auto& entry : epochs.entries()) {
      console.out << "epoch: " << entry.epoch << " startOffset: " << entry.start_offset << '\n';
    }
    return {};
  }
  OTTLA_TRY(const auto offsets, storage::parse_offset_checkpoint(text));
  for (const auto& [partition, offset] : offsets) {
    console.out << "topic: " << partition.topic << " partition: " << partition.partition
                << " offset: " << offset << '\n';
  }
  return {};
}

}  // namespace ottla::cli
