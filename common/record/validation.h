#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/record/format.h"

namespace ottla::record {

/// Who appends. Clients are held to rules that the broker's own coordinators may break (control
/// batches).
enum class AppendOrigin : std::uint8_t { Client, Coordinator };

/// What the topic and the moment say about an append.
struct ValidationOptions {
  AppendOrigin origin = AppendOrigin::Client;
  /// compression.type; nullopt is `producer`: keep what was sent.
  std::optional<Codec> target_codec = std::nullopt;
  std::optional<int> compression_level = std::nullopt;
  /// message.timestamp.type
  TimestampType timestamp_type = TimestampType::CreateTime;
  std::int64_t now_ms = 0;
  /// message.timestamp.before.max.ms, message.timestamp.after.max.ms
  std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t timestamp_after_max_ms = std::numeric_limits<std::int64_t>::max();
  /// cleanup.policy has `compact`: a record needs a key.
  bool compacted = false;
  /// max.message.bytes, for each batch as sent and again after conversion.
  std::int64_t max_message_bytes = std::numeric_limits<std::int32_t>::max();
};

/// Why one record was refused: Produce v8+ answers a list of these (KIP-467).
struct RecordError {
  std::int32_t batch_index = 0;
  std::string message;
};

/// What was wrong with a refused set, as far as Kafka counts it (BrokerTopicMetrics).
enum class RecordFault : std::uint8_t { Other, Magic, Checksum, OffsetOrSequence };

/// Nothing of a refused set is appended.
struct ValidationFailure {
  ErrorCode code = ErrorCode::InvalidRecord;
  std::string message;
  std::vector<RecordError> record_errors;
  RecordFault fault = RecordFault::Other;
  std::int64_t records_without_key = 0;  ///< Of a compacted topic.
};

/// A record set that may be appended. Everything but the offsets is decided, so that the
/// partition's append lock covers `assign_offsets` (12 bytes per batch, outside the CRC) and the
/// write only.
struct ValidatedRecords {
  /// What to append: the input, patched in place, or `owner`'s bytes after a conversion.
  MutableByteView bytes;
  SharedBuffer owner;
  std::int64_t record_count = 0;
  /// Largest timestamp, or `now_ms` for log append time; kNoTimestamp when no record has one.
  std::int64_t max_timestamp = kNoTimestamp;
  /// Last offset of the batch that holds it, relative to the first offset; -1 when there is none.
  std::int64_t max_timestamp_offset_delta = -1;
  /// What Produce answers as log_append_time_ms: -1 for CreateTime.
  std::int64_t log_append_time = kNoTimestamp;
  /// Codec of the input.
  Codec source_codec = Codec::None;
  bool converted = false;

  /// Gives the records their offsets from `first` on and the leader's epoch. Returns the log end
  /// offset that follows.
  Offset assign_offsets(Offset first, LeaderEpoch epoch);
};

/// The rules of Produce itself, before any partition is looked at: version 3 and above carry
/// exactly one batch of format 2 for each partition, zstd needs version 7. Errors: InvalidRecord,
/// UnsupportedCompressionType, CorruptMessage.
[[nodiscard]] Result<void> check_produce_format(std::int16_t produce_version, ByteView records);

/// Checks what a client or a coordinator wants to append to a leader, as Kafka 3.9's leader does,
/// and brings it into format 2, the topic's codec and timestamp type. Bytes after the last whole
/// batch are dropped. Walks every record (through a small window when compressed) without
/// allocating; no copy is made of a v2 batch that keeps its codec. docs/records.md has the rules.
///
/// `records` is modified. An empty set succeeds with `record_count` 0. Thread: any.
[[nodiscard]] tl::expected<ValidatedRecords, ValidationFailure> validate_records(
    MutableByteView records, const ValidationOptions& options);

/// What a follower checks about bytes of its leader (and a tool about a file): whole batches, CRC,
/// offsets that rise from `expected` on (gaps are legal after compaction).
struct ReplicatedRecords {
  ByteView bytes;  ///< Whole batches; a partial one at the end is left out.
  Offset first_offset = kUnknownOffset;
  Offset next_offset = kUnknownOffset;
  std::int64_t max_timestamp = kNoTimestamp;
  Offset offset_of_max_timestamp = kUnknownOffset;
};
/// Errors: CorruptMessage, OffsetOutOfRange when a batch begins before `expected`.
[[nodiscard]] Result<ReplicatedRecords> check_replicated(ByteView records, Offset expected);

}  // namespace ottla::record
