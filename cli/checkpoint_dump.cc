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

Result<> dump_group_snapshot(std::string_view content, const EntryPrinter& printer) {
  OTTLA_TRY(const auto snapshot, group::decode_snapshot(as_bytes(content)));
  const std::int64_t end = snapshot.end.value();
  const std::int32_t last_epoch = snapshot.last_epoch.value();
  const std::int64_t start = snapshot.log_start_offset.value();
  const std::size_t count = snapshot.entries.size();
  printer.say("snapshot of groups: end offset: " + std::to_string(end) + " last leader epoch: " +
                  std::to_string(last_epoch) + " log start offset: " + std::to_string(start) +
                  " entries: " + std::to_string(count),
              {{"endOffset", end},
               {"lastLeaderEpoch", last_epoch},
               {"logStartOffset", start},
               {"entries", count}});
  for (const group::GroupSnapshot::Entry& entry : snapshot.entries) {
    const auto& value = entry.record.value;
    const GroupRecordText text = group_record_text(
        as_bytes(entry.record.key), value ? std::optional(as_bytes(*value)) : std::nullopt);
    const EntryField offset{"offset", entry.log_offset.value()};
    const EntryField key{"key", text.key};
    const EntryField payload{"payload", text.payload};
    if (entry.producer == kNoProducerId) {
      printer.print({offset, key, payload});
    } else {
      printer.print(
          {offset, EntryField{"openTransactionOf", entry.producer.value()}, key, payload});
    }
  }
  return {};
}

Result<> dump_topic_id(env::FileSystem& files, const EntryPrinter& printer) {
  const std::string& path = printer.file();
  const auto slash = path.rfind('/');
  OTTLA_TRY(const auto id, storage::read_partition_metadata(
                               files, slash == std::string::npos ? "." : path.substr(0, slash)));
  if (id) printer.print({{"topicId", id->to_string()}});
  return {};
}

Result<> dump_meta_properties(const std::string& text, const EntryPrinter& printer) {
  OTTLA_TRY(const auto meta, storage::parse_meta_properties(text));
  if (meta.broker_id) printer.print({{"brokerId", meta.broker_id->value()}});
  if (meta.cluster_id) printer.print({{"clusterId", *meta.cluster_id}});
  return {};
}

}  // namespace

bool is_small_file(const std::string& path) {
  const auto name = name_of(path);
  return is_offset_checkpoint(name) || name == storage::kLeaderEpochCheckpoint ||
         name == storage::kPartitionMetadata || name == storage::kMetaProperties ||
         name == group::kGroupSnapshotFile || is_text(name) || is_without_meaning(name);
}

Result<> dump_small_file(env::FileSystem& files, const EntryPrinter& printer) {
  const std::string& path = printer.file();
  const auto name = name_of(path);
  if (is_without_meaning(name)) {
    OTTLA_TRY(const auto file, files.open(path, env::OpenMode::Read));
    OTTLA_TRY(const std::uint64_t size, file->size());
    printer.say(std::to_string(size) + " bytes without a meaning", {{"bytes", size}});
    return {};
  }
  OTTLA_TRY(const std::string text, env::read_file(files, path));
  if (name == group::kGroupSnapshotFile) return dump_group_snapshot(text, printer);
  if (is_text(name)) {
    const std::string_view line = text;
    printer.say(line.substr(0, line.size() - (line.ends_with('\n') ? 1 : 0)), {{"text", text}});
    return {};
  }
  if (name == storage::kPartitionMetadata) return dump_topic_id(files, printer);
  if (name == storage::kMetaProperties) return dump_meta_properties(text, printer);
  if (name == storage::kLeaderEpochCheckpoint) {
    OTTLA_TRY(const auto epochs, storage::LeaderEpochs::from_checkpoint(text));
    for (const auto& entry : epochs.entries()) {
      printer.print({{"epoch", entry.epoch.value()}, {"startOffset", entry.start_offset.value()}});
    }
    return {};
  }
  OTTLA_TRY(const auto offsets, storage::parse_offset_checkpoint(text));
  for (const auto& [partition, offset] : offsets) {
    printer.print({{"topic", partition.topic},
                   {"partition", partition.partition},
                   {"offset", offset.value()}});
  }
  return {};
}

}  // namespace ottla::cli
