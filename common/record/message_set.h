#pragma once

#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/record/compression.h"
#include "common/record/growing_buffer.h"
#include "common/record/record_batch.h"
#include "common/record/records.h"

namespace ottla::record {

/// Key and value of one message of format 0 or 1 as it stands, not looking into wrappers.
struct Message {
  std::optional<ByteView> key;
  std::optional<ByteView> value;
};

/// Checks that key and value fit into the message; bytes behind them are ignored. `batch` must be
/// whole and legacy. Errors: UnknownServerError, as Kafka answers here.
[[nodiscard]] Result<Message> parse_message(const RecordBatchView& batch);

/// The messages inside a compressed wrapper, decompressed, with absolute offsets: format 0 stores
/// them so, format 1 counts from the wrapper's offset back. The wrapper's log append time goes to
/// all.
///
/// Thread: one.
class WrappedMessages {
 public:
  /// Errors: UnknownServerError (compression), CorruptMessage (sizes), InvalidRecord (structure,
  /// nested wrapper of another format, empty wrapper), MessageTooLarge (limit).
  [[nodiscard]] static Result<WrappedMessages> open(const RecordBatchView& wrapper,
                                                    std::size_t buffer_limit);

  /// The next inner message as it stands (its own CRC, attributes), or nullopt at the end.
  [[nodiscard]] Result<std::optional<RecordBatchView>> next();
  [[nodiscard]] Offset absolute_offset(const RecordBatchView& inner) const;
  [[nodiscard]] std::int64_t timestamp(const RecordBatchView& inner) const;

 private:
  explicit WrappedMessages(SharedBuffer plain) : plain_(std::move(plain)) {}

  SharedBuffer plain_;
  std::size_t position_ = 0;
  std::int8_t magic_ = 0;
  std::int64_t shift_ = 0;  ///< Added to inner offsets.
  std::optional<std::int64_t> log_append_time_;
};

/// Builds a message set of format 0 or 1: plain messages one after another, or one compressed
/// wrapper around them. For clients below Fetch v4, for tools and tests.
///
/// Thread: one.
class MessageSetBuilder {
 public:
  struct Options {
    std::int8_t magic = kMagicV1;
    Codec codec = Codec::None;
    std::optional<int> compression_level = std::nullopt;
    TimestampType timestamp_type = TimestampType::CreateTime;
    std::int64_t log_append_time = kNoTimestamp;
  };
  /// The set is appended to `out` when finished.
  MessageSetBuilder(const Options& options, GrowingBuffer& out);

  /// Offsets must rise. Format 0 drops the timestamp.
  void append(Offset offset, std::int64_t timestamp, std::optional<ByteView> key,
              std::optional<ByteView> value);
  [[nodiscard]] std::int32_t count() const { return count_; }
  /// Errors: UnsupportedCompressionType for zstd, UnknownServerError when compression fails.
  [[nodiscard]] Result<void> finish();

 private:
  Options options_;
  GrowingBuffer& out_;
  GrowingBuffer inner_;
  Offset first_offset_;
  Offset last_offset_;
  std::int64_t max_timestamp_ = kNoTimestamp;
  std::int32_t count_ = 0;
};

}  // namespace ottla::record
