#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "common/record/format.h"

namespace ottla::storage {

/// What a topic's configs say about its logs, with Kafka's defaults. A plain value: a log holds one
/// behind a shared pointer and gets a new one when a config changes (`Log::set_config`).
struct LogConfig {
  using Milliseconds = std::chrono::milliseconds;
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  std::int64_t segment_bytes = 1 << 30;                                 ///< segment.bytes
  Milliseconds segment_age = std::chrono::hours(168);                   ///< segment.ms
  Milliseconds segment_jitter{0};                                       ///< segment.jitter.ms
  std::int32_t index_interval_bytes = 4096;                             ///< index.interval.bytes
  std::int32_t index_max_bytes = 10 << 20;                              ///< segment.index.bytes
  bool preallocate = false;                                             ///< preallocate
  std::optional<Milliseconds> retention_age = std::chrono::hours(168);  ///< retention.ms; -1: none
  std::optional<std::int64_t> retention_bytes;                ///< retention.bytes; -1: none
  Milliseconds file_delete_delay = std::chrono::seconds(60);  ///< file.delete.delay.ms
  std::int64_t flush_messages = kUnlimited;                   ///< flush.messages
  std::int64_t flush_ms = kUnlimited;                         ///< flush.ms

  bool cleanup_delete = true;                              ///< cleanup.policy has "delete"
  bool cleanup_compact = false;                            ///< cleanup.policy has "compact"
  double min_cleanable_ratio = 0.5;                        ///< min.cleanable.dirty.ratio
  Milliseconds delete_retention = std::chrono::hours(24);  ///< delete.retention.ms
  Milliseconds min_compaction_lag{0};                      ///< min.compaction.lag.ms
  std::int64_t max_compaction_lag_ms = kUnlimited;         ///< max.compaction.lag.ms

  std::int32_t max_message_bytes = 1048588;  ///< max.message.bytes (of one batch)
  record::TimestampType timestamp_type =
      record::TimestampType::CreateTime;              ///< message.timestamp.type
  std::int64_t timestamp_before_max_ms = kUnlimited;  ///< message.timestamp.before.max.ms
  std::int64_t timestamp_after_max_ms = kUnlimited;   ///< message.timestamp.after.max.ms
  std::int8_t message_format = 2;                     ///< magic that message.format.version asks
  bool down_conversion = true;                        ///< message.downconversion.enable
  std::optional<record::Codec> compression;           ///< compression.type; none: producer's
  std::int32_t gzip_level = -1;                       ///< compression.gzip.level
  std::int32_t lz4_level = 9;                         ///< compression.lz4.level
  std::int32_t zstd_level = 3;                        ///< compression.zstd.level

  /// After how long the active segment gives way to a new one: a compacted log must not keep its
  /// records from the cleaner for longer than max.compaction.lag.ms.
  [[nodiscard]] Milliseconds roll_age() const {
    if (!cleanup_compact) return segment_age;
    return std::min(segment_age, Milliseconds(max_compaction_lag_ms));
  }

  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

}  // namespace ottla::storage
