#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/base/uuid.h"

namespace ottla::storage {

inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr std::string_view kTransactionIndexSuffix = ".txnindex";
inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
inline constexpr std::string_view kDeletedSuffix = ".deleted";
inline constexpr std::string_view kCleanedSuffix = ".cleaned";
inline constexpr std::string_view kSwapSuffix = ".swap";
inline constexpr std::string_view kLeaderEpochCheckpoint = "leader-epoch-checkpoint";
inline constexpr std::string_view kPartitionMetadata = "partition.metadata";

inline constexpr std::string_view kRecoveryPointCheckpoint = "recovery-point-offset-checkpoint";
inline constexpr std::string_view kHighWatermarkCheckpoint = "replication-offset-checkpoint";
inline constexpr std::string_view kLogStartCheckpoint = "log-start-offset-checkpoint";
/// First offset of each compacted partition that the cleaner has not been over.
inline constexpr std::string_view kCleanerCheckpoint = "cleaner-offset-checkpoint";
inline constexpr std::string_view kCleanShutdownMarker = ".kafka_cleanshutdown";
inline constexpr std::string_view kLockFile = ".lock";
inline constexpr std::string_view kMetaProperties = "meta.properties";
/// Ours, in a partition's directory: the log dirs that it was moved out of, one a line, as long as
/// a copy may be left there. Kafka ignores it.
inline constexpr std::string_view kMovedFromFile = "ottla-moved-from";
/// Ours, in a *-stray directory: when it was put aside (or first seen), in ms since 1970. A
/// directory's own time is that of the last file in it. Kafka ignores it.
inline constexpr std::string_view kPutAsideFile = "ottla-put-aside";
/// Ours: what the self-test of the disk writes, syncs and reads (W10). Kafka ignores it.
inline constexpr std::string_view kDiskProbeFile = "ottla-disk-probe";
/// Ours: the boot id of the kernel under which the dir was last opened (W1). Kafka ignores it.
inline constexpr std::string_view kBootFile = "ottla-boot";
/// Ours: room on the volume that is given up when it is full. Kafka ignores it.
inline constexpr std::string_view kReserveFile = "ottla-reserve";
/// Ours: what is written and read to find out whether a dir that failed works again.
inline constexpr std::string_view kProbeFile = "ottla-probe";

/// "00000000000000000042": base name of a segment's files.
[[nodiscard]] std::string segment_name(Offset base_offset);
[[nodiscard]] std::string segment_path(const std::string& directory, Offset base_offset,
                                       std::string_view suffix);
/// The base offset if `name` is 20 digits (or more) and exactly `suffix`.
[[nodiscard]] std::optional<Offset> parse_segment_name(std::string_view name,
                                                       std::string_view suffix);

/// What a directory in a log dir is, by its name.
enum class DirectoryKind : std::uint8_t { Partition, Deleted, Future, Stray, Skipped, Foreign };
struct DirectoryName {
  DirectoryKind kind = DirectoryKind::Foreign;
  TopicPartition
      partition;  ///< Of a Partition, Future or Stray; cut topics of Deleted are kept cut.
};
[[nodiscard]] DirectoryName parse_directory_name(std::string_view name);

/// TOPIC-P.32hex-delete; the topic is cut so that the name has at most 255 characters.
[[nodiscard]] std::string delete_directory_name(const TopicPartition& partition,
                                                const Uuid& unique);
[[nodiscard]] std::string stray_directory_name(const TopicPartition& partition, const Uuid& unique);
/// TOPIC-P.32hex-future, never cut: its topic must be known from the name. Errors:
/// InvalidTopicException (longer than a name may be).
[[nodiscard]] Result<std::string> future_directory_name(const TopicPartition& partition,
                                                        const Uuid& unique);

}  // namespace ottla::storage
