#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/record/format.h"
#include "common/record/growing_buffer.h"
#include "common/record/records.h"

namespace ottla::record {

struct BatchOptions {
  Offset base_offset{0};
  LeaderEpoch leader_epoch = kUnknownLeaderEpoch;
  Codec codec = Codec::None;
  std::optional<int> compression_level = std::nullopt;
  TimestampType timestamp_type = TimestampType::CreateTime;
  /// The max timestamp of a LogAppendTime batch.
  std::int64_t log_append_time = kNoTimestamp;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  std::int32_t base_sequence = kNoSequence;
  bool transactional = false;
  bool control = false;
  /// When the cleaner may remove tombstones and markers of the batch (KIP-534).
  std::optional<std::int64_t> delete_horizon_ms = std::nullopt;
};

/// Builds one v2 batch: for tests, tools, coordinators, control markers, and conversion on write.
///
///   RecordBatchBuilder builder({.codec = Codec::Zstd});
///   builder.append(now_ms, as_bytes("key"), as_bytes("value"));
///   OTTLA_TRY(const SharedBuffer batch, builder.build());
///
/// Thread: one.
class RecordBatchBuilder {
 public:
  explicit RecordBatchBuilder(const BatchOptions& options, std::size_t reserve = 0);

  /// Appends at the next offset.
  void append(std::int64_t timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
              std::span<const Header> headers = {});
  /// Appends at `offset`, which must be above the last one (a cleaned batch has gaps).
  void append_at(Offset offset, std::int64_t timestamp, std::optional<ByteView> key,
                 std::optional<ByteView> value, std::span<const Header> headers = {});
  /// Appends a record from elsewhere, with its timestamp and headers, at `offset`.
  void append_copy(Offset offset, const Record& record);
  /// A batch may reach further than its last record (compaction); not before it.
  void set_last_offset(Offset offset);

  [[nodiscard]] std::int32_t count() const { return count_; }
  /// Header and records before compression.
  [[nodiscard]] std::size_t uncompressed_size() const { return plain_.size(); }
  [[nodiscard]] std::int64_t max_timestamp() const { return max_timestamp_; }

  /// The finished batch; the builder is spent. Errors: UnknownServerError when compression fails.
  [[nodiscard]] Result<SharedBuffer> build();

 private:
  void append_raw(Offset offset, std::int64_t timestamp, std::optional<ByteView> key,
                  std::optional<ByteView> value, std::size_t headers_size,
                  std::int32_t header_count);
  void write_header(std::byte* at, std::size_t size) const;

  BatchOptions options_;
  GrowingBuffer plain_;  ///< Room for the header, then records.
  std::optional<std::int64_t> base_timestamp_;
  std::int64_t max_timestamp_ = kNoTimestamp;
  Offset next_offset_;
  std::int32_t count_ = 0;
};

}  // namespace ottla::record
