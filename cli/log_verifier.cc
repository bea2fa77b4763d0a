#include "cli/log_verifier.h"

#include <algorithm>
#include <map>

#include "broker/storage/checkpoint.h"
#include "broker/storage/file_names.h"
#include "broker/storage/log_directory.h"

namespace ottla::cli {
namespace {

using storage::PartitionOffsets;

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

/// Nothing is told of a file that is missing: a fresh dir has none.
Result<PartitionOffsets> read_offsets(env::FileSystem& files, const std::string& path,
                                      Verification* found) {
  OTTLA_TRY(const bool exists, files.exists(path));
  if (!exists) return PartitionOffsets{};
  OTTLA_TRY(const std::string text, env::read_file(files, path));
  auto offsets = storage::parse_offset_checkpoint(text);
  if (offsets) return offsets;
  if (found != nullptr) found->damage(path, offsets.error().describe());
  return PartitionOffsets{};
}

struct Checkpoints {
  PartitionOffsets recovery_points;
  PartitionOffsets log_starts;
  PartitionOffsets high_watermarks;
  PartitionOffsets cleaner_points;
};

Result<Checkpoints> read_checkpoints(env::FileSystem& files, const std::string& directory,
                                     Verification* found) {
  const auto path = [&](std::string_view name) { return directory + "/" + std::string(name); };
  Checkpoints all;
  OTTLA_TRY(all.recovery_points,
            read_offsets(files, path(storage::kRecoveryPointCheckpoint), found));
  OTTLA_TRY(all.log_starts, read_offsets(files, path(storage::kLogStartCheckpoint), found));
  OTTLA_TRY(all.high_watermarks,
            read_offsets(files, path(storage::kHighWatermarkCheckpoint), found));
  OTTLA_TRY(all.cleaner_points, read_offsets(files, path(storage::kCleanerCheckpoint), found));
  return all;
}

std::optional<Offset> offset_of(const PartitionOffsets& offsets, const TopicPartition& partition) {
  const auto found = offsets.find(partition);
  if (found == offsets.end()) return std::nullopt;
  return found->second;
}

Result<PartitionContext> context_of(env::FileSystem& files, const std::string& directory,
                                    const Checkpoints& checkpoints,
                                    const TopicPartition& partition) {
  PartitionContext context;
  OTTLA_TRY(context.ended_cleanly,
            files.exists(directory + "/" + std::string(storage::kCleanShutdownMarker)));
  context.log_start = offset_of(checkpoints.log_starts, partition).value_or(Offset(0));
  context.recovery_point = offset_of(checkpoints.recovery_points, partition);
  context.cleaner_point = offset_of(checkpoints.cleaner_points, partition);
  return context;
}

Result<> verify_meta(env::FileSystem& files, const std::string& directory, Verification& found) {
  const std::string path = directory + "/" + std::string(storage::kMetaProperties);
  OTTLA_TRY(const bool exists, files.exists(path));
  if (!exists) {
    found.note(path, "is missing: the dir would be taken for a fresh one");
    return {};
  }
  OTTLA_TRY(const std::string text, env::read_file(files, path));
  const auto meta = storage::parse_meta_properties(text);
  if (!meta) {
    found.damage(path, meta.error().describe());
  } else if (!meta->broker_id || !meta->cluster_id) {
    found.damage(path, "must name the broker and the cluster");
  }
  return {};
}

/// No line of a checkpoint may lie outside of its log.
void compare(const PartitionOffsets& offsets, const std::string& path,
             const std::map<TopicPartition, PartitionEnds>& logs, Verification& found) {
  for (const auto& [partition, offset] : offsets) {
    const auto log = logs.find(partition);
    if (log == logs.end()) {
      found.note(path, "names " + partition.to_string() + ", which has no directory here");
    } else if (offset > log->second.end) {
      found.damage(path, partition.to_string() + ": " + std::to_string(offset.value()) +
                             " is behind the log's end " + std::to_string(log->second.end.value()));
    }
  }
}

Result<> verify_log_dir(env::FileSystem& files, const std::string& directory,
                        const std::vector<env::DirectoryEntry>& entries, Verification& found) {
  OTTLA_TRY_VOID(verify_meta(files, directory, found));
  OTTLA_TRY(const Checkpoints checkpoints, read_checkpoints(files, directory, &found));
  std::map<TopicPartition, PartitionEnds> logs;
  for (const env::DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    const std::string path = directory + "/" + entry.name;
    const auto parsed = storage::parse_directory_name(entry.name);
    switch (parsed.kind) {
      case storage::DirectoryKind::Partition: {
        OTTLA_TRY(const PartitionContext context,
                  context_of(files, directory, checkpoints, parsed.partition));
        OTTLA_TRY(logs[parsed.partition], verify_partition(files, path, context, found));
        break;
      }
      case storage::DirectoryKind::Foreign:
        found.damage(path, "is no partition's directory: a broker would not start");
        break;
      case storage::DirectoryKind::Stray:
        found.note(path, "is kept, but not served");
        break;
      case storage::DirectoryKind::Deleted:
      case storage::DirectoryKind::Future:
      case storage::DirectoryKind::Skipped:
        break;
    }
  }
  const auto path = [&](std::string_view name) { return directory + "/" + std::string(name); };
  compare(checkpoints.recovery_points, path(storage::kRecoveryPointCheckpoint), logs, found);
  compare(checkpoints.log_starts, path(storage::kLogStartCheckpoint), logs, found);
  compare(checkpoints.high_watermarks, path(storage::kHighWatermarkCheckpoint), logs, found);
  compare(checkpoints.cleaner_points, path(storage::kCleanerCheckpoint), logs, found);
  return {};
}

}  // namespace

std::size_t Verification::count(Finding::Severity severity) const {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [severity](const Finding& finding) { return finding.severity == severity; }));
}

Result<> verify_directory(env::FileSystem& files, const std::string& given, Verification& found) {
  const std::string directory = without_slashes(given);
  OTTLA_TRY(auto entries, files.list(directory));
  std::ranges::sort(entries, {}, &env::DirectoryEntry::name);
  const auto has_file = [&](const auto& fits) {
    return std::ranges::any_of(entries, [&](const env::DirectoryEntry& entry) {
      return !entry.is_directory && fits(entry.name);
    });
  };
  const auto parsed = storage::parse_directory_name(name_of(directory));
  if (has_file([](const std::string& name) { return name.ends_with(storage::kLogSuffix); }) ||
      (parsed.kind == storage::DirectoryKind::Partition &&
       has_file([](const std::string& name) { return name == storage::kPartitionMetadata; }))) {
    const std::string log_dir = parent_of(directory);
    OTTLA_TRY(const Checkpoints checkpoints, read_checkpoints(files, log_dir, nullptr));
    OTTLA_TRY(const PartitionContext context,
              context_of(files, log_dir, checkpoints, parsed.partition));
    OTTLA_TRY_VOID(verify_partition(files, directory, context, found));
    return {};
  }
  const bool has_partitions = std::ranges::any_of(entries, [](const env::DirectoryEntry& entry) {
    return entry.is_directory &&
           storage::parse_directory_name(entry.name).kind == storage::DirectoryKind::Partition;
  });
  if (!has_partitions &&
      !has_file([](const std::string& name) { return name == storage::kMetaProperties; })) {
    return fail(ErrorCode::InvalidRequest,
                directory + ": is neither a log dir nor a partition's directory");
  }
  return verify_log_dir(files, directory, entries, found);
}

}  // namespace ottla::cli
