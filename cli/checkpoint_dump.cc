#include "cli/checkpoint_dump.h"

#include <string_view>

#include "broker/storage/checkpoint.h"
#include "broker/storage/file_names.h"
#include "broker/storage/leader_epochs.h"
#include "broker/storage/log_directory.h"

namespace ottla::cli {
namespace {

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_offset_checkpoint(std::string_view name) {
  return name == storage::kRecoveryPointCheckpoint || name == storage::kHighWatermarkCheckpoint ||
         name == storage::kLogStartCheckpoint || name == storage::kCleanerCheckpoint;
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
         name == storage::kPartitionMetadata || name == storage::kMetaProperties;
}

Result<> dump_small_file(env::FileSystem& files, const std::string& path, Console& console) {
  const auto name = name_of(path);
  OTTLA_TRY(const std::string text, env::read_file(files, path));
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
