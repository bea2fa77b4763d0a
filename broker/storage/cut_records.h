#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/storage/log.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/topic_partition.h"
#include "common/env/file_system.h"

/// Side files: what a follower had to cut although somebody could count on it, because an election
/// made a leader of a replica without it (W6). They lie in the log dir itself, as plain files,
/// which Kafka ignores, and hold batches as a segment does: `ottla dump-log` prints them.
namespace ottla::storage {

/// "ottla-cut.TOPIC-P.FROM-TO.eEPOCH.cut": offsets from FROM to TO (exclusive) that the leader of
/// EPOCH did not have. A long topic is cut.
[[nodiscard]] std::string cut_file_name(const TopicPartition& partition, Offset from, Offset to,
                                        LeaderEpoch leader_epoch);
/// FROM of such a name.
[[nodiscard]] std::optional<Offset> parse_cut_file_name(std::string_view name);
/// Whether it is one, also half written.
[[nodiscard]] bool is_cut_file(std::string_view name);

/// Copies everything from `from` to the log's end into a side file, which stands there whole and
/// durable when this returns, or not at all. Side files of this log dir have `max_bytes` together:
/// the oldest make room, and of one cut that alone is longer the beginning is kept. A volume that
/// is nearly full is left alone: KafkaStorageError, as for all that fails. Nobody may append or cut
/// meanwhile. Blocks.
Result<CutRecords> keep_cut_records(env::FileSystem& files, const Log& log,
                                    const std::string& log_dir, Offset from,
                                    LeaderEpoch leader_epoch, std::uint64_t max_bytes);

/// Removes side files that are older than `retention`, half-written ones, and, oldest first, as
/// many as it takes when they have more than `max_bytes` together or the volume is nearly full.
/// Blocks.
Result<> expire_cut_records(env::FileSystem& files, const std::string& log_dir,
                            std::optional<std::chrono::milliseconds> retention,
                            std::uint64_t max_bytes, env::WallTimeMs now);

}  // namespace ottla::storage
