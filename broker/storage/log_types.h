#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/payload.h"
#include "common/env/file_system.h"

namespace ottla::storage {

/// Who appends. Only a client's batches are checked for duplicates and sequence; replicated ones
/// were checked by the leader.
enum class AppendOrigin : std::uint8_t { Client, Coordinator, Replication };

/// A leader's question to the coordinator whether a producer's transaction is ongoing (KIP-890):
/// later ones have larger numbers, so that an old answer never counts for a new question. Zero:
/// there was nothing to ask, the transaction is open in the log.
using VerificationToken = Id<struct VerificationTokenTag, std::uint64_t>;
inline constexpr VerificationToken kNoVerification{0};

/// What an append did.
struct AppendInfo {
  Offset base_offset = kUnknownOffset;  ///< Of the first record; for a duplicate, of the old one.
  Offset last_offset = kUnknownOffset;  ///< Inclusive.
  Offset log_start_offset;
  Offset log_end_offset;              ///< After the append.
  std::int64_t max_timestamp = -1;    ///< Largest of the records appended.
  std::int64_t log_append_time = -1;  ///< -1 with message.timestamp.type=CreateTime.
  LeaderEpoch last_leader_epoch = kUnknownLeaderEpoch;
  std::uint64_t bytes = 0;    ///< Written; 0 for a duplicate.
  bool flush_due = false;     ///< flush.messages is reached: `Log::flush` before acknowledging.
  bool is_duplicate = false;  ///< An idempotent producer's retry: the log holds it already.
};

/// A range of a segment's file. Holds the file open, so that a segment deleted meanwhile stays
/// readable.
struct FileSlice {
  std::shared_ptr<env::File> file;
  std::uint64_t position = 0;
  std::uint64_t length = 0;

  [[nodiscard]] bool is_cached() const { return length == 0 || file->is_cached(position, length); }
};

/// The slice for a socket: the file's range, or its bytes where the file has no descriptor.
[[nodiscard]] Result<Payload> to_payload(const FileSlice& slice);
/// The slice's bytes. May block.
[[nodiscard]] Result<SharedBuffer> read_slice(const FileSlice& slice);

struct ReadOptions {
  std::uint64_t max_bytes = std::numeric_limits<std::int32_t>::max();
  /// Nothing at or above it is returned: the high watermark, last stable offset or log end offset.
  Offset end_offset{std::numeric_limits<std::int64_t>::max()};
  /// Return the first batch even if it is larger than max_bytes.
  bool at_least_one_batch = true;
  /// End on a batch boundary (what followers need). Otherwise the last batch may be cut.
  bool whole_batches = false;
  /// Do not touch the disk: what is not in the page cache answers `would_block`.
  bool no_wait = false;
};

/// What a read found: at most one range, out of one segment, that begins with the batch holding the
/// fetch offset or the first one after it.
struct FetchData {
  Offset fetch_offset;
  FileSlice records;  ///< Empty if there is nothing below the end offset.
  Offset segment_base_offset = kUnknownOffset;
  bool first_batch_incomplete = false;  ///< Cut by max_bytes (without `at_least_one_batch`).
  bool would_block = false;  ///< With `no_wait`: not all is in memory; ask where one may block.
};

/// An aborted transaction, as Fetch responses list them.
struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
  friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

/// A record found by its time.
struct TimestampOffset {
  std::int64_t timestamp = -1;
  Offset offset = kUnknownOffset;
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  friend bool operator==(const TimestampOffset&, const TimestampOffset&) = default;
};

/// A line of `Log::offset_history`.
struct OffsetAtTime {
  Offset offset;
  std::int64_t time_ms = -1;
  friend bool operator==(const OffsetAtTime&, const OffsetAtTime&) = default;
};

/// Answer of OffsetForLeaderEpoch; both are -1 if the epoch is unknown.
struct EpochEndOffset {
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  Offset end_offset = kUnknownOffset;
  friend bool operator==(const EpochEndOffset&, const EpochEndOffset&) = default;
};

/// A producer that the log knows (DescribeProducers).
struct ActiveProducer {
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  std::int32_t last_sequence = -1;
  std::int64_t last_timestamp = -1;
  std::int32_t coordinator_epoch = -1;
  Offset transaction_start_offset = kUnknownOffset;
  Offset last_data_offset = kUnknownOffset;  ///< Of its last batch; -1: only a marker is known.

  friend bool operator==(const ActiveProducer&, const ActiveProducer&) = default;
};

/// How the process that last used a log dir ended (W1). Only after HostCrash may acknowledged
/// records be missing that had not been flushed.
enum class ShutdownKind : std::uint8_t { Clean, ProcessCrash, HostCrash };
[[nodiscard]] constexpr const char* name_of(ShutdownKind kind) {
  return kind == ShutdownKind::Clean          ? "clean"
         : kind == ShutdownKind::ProcessCrash ? "process crash"
                                              : "host crash";
}

/// What was kept of what had to be cut (cut_records.h).
struct CutRecords {
  std::string path;  ///< Empty if nothing was there.
  Offset from;
  Offset to;  ///< Exclusive; smaller than the log's end if that did not fit.
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

}  // namespace ottla::storage
