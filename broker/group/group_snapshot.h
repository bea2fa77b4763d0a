#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/group/log_records.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/env/file_system.h"

namespace ottla::storage {
class Log;
}  // namespace ottla::storage

namespace ottla::group {

/// What a partition of __consumer_offsets says below an offset, so that a load need only read what
/// stands behind it (N21): the records that still count, each with its place in the log.
struct GroupSnapshot {
  struct Entry {
    /// Of the open transaction that it belongs to.
    ProducerId producer = kNoProducerId;
    Offset log_offset = kUnknownOffset;
    LogRecord record{};

    friend bool operator==(const Entry&, const Entry&) = default;
  };
  Offset end;               ///< Exclusive; committed.
  LeaderEpoch last_epoch;   ///< Of the record before `end`.
  Offset log_start_offset;  ///< When it was made.
  std::vector<Entry> entries{};

  friend bool operator==(const GroupSnapshot&, const GroupSnapshot&) = default;
};

/// The file's name in the partition's directory. Kafka reads no file there whose name does not end
/// as its own do.
inline constexpr const char* kGroupSnapshotFile = "ottla-groups";

[[nodiscard]] std::string encode_snapshot(const GroupSnapshot& snapshot);
/// Errors: CorruptMessage: another version, a wrong checksum.
[[nodiscard]] Result<GroupSnapshot> decode_snapshot(ByteView bytes);

/// Whether the log still is what the snapshot was made of: it reaches as far, in the same leader
/// epoch, and begins where it began.
[[nodiscard]] bool is_of(const GroupSnapshot& snapshot, const storage::Log& log);

/// Nullopt if there is none, or none that can be used for this log.
[[nodiscard]] std::optional<GroupSnapshot> read_snapshot(env::FileSystem& files,
                                                         const storage::Log& log);
/// Replaces it; durable when it returns.
Result<> write_snapshot(env::FileSystem& files, const storage::Log& log,
                        const GroupSnapshot& snapshot);

}  // namespace ottla::group
