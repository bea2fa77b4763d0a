#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/config/broker_config.h"
#include "common/config/broker_values.h"
#include "common/config/enums.h"
#include "common/config/key.h"
#include "common/config/properties.h"
#include "common/config/topic_keys.h"

namespace ottla::config {

/// A topic's values by type: what its log, replicas and controller need.
struct TopicSettings {
  bool compact = false;
  bool delete_old = true;  ///< cleanup.policy names `delete`.
  CompressionType compression_type = CompressionType::Producer;
  std::int32_t gzip_level = -1;
  std::int32_t lz4_level = 9;
  std::int32_t zstd_level = 3;
  std::int32_t max_message_bytes = 0;
  TimestampType timestamp_type = TimestampType::CreateTime;
  std::int64_t timestamp_before_max_ms = 0;  ///< With the deprecated difference key worked in.
  std::int64_t timestamp_after_max_ms = 0;
  bool down_conversion = true;

  std::int32_t segment_bytes = 0;
  std::int64_t segment_ms = 0;
  std::int64_t segment_jitter_ms = 0;
  std::int32_t segment_index_bytes = 0;
  std::int32_t index_interval_bytes = 0;
  bool preallocate = false;
  std::int64_t flush_messages = 0;
  std::int64_t flush_ms = 0;

  std::int64_t retention_ms = -1;     ///< -1: for ever.
  std::int64_t retention_bytes = -1;  ///< -1: no limit.
  std::int64_t file_delete_delay_ms = 0;
  std::int64_t delete_retention_ms = 0;
  double min_cleanable_dirty_ratio = 0;
  std::int64_t min_compaction_lag_ms = 0;
  std::int64_t max_compaction_lag_ms = 0;

  std::int32_t min_insync_replicas = 1;
  bool unclean_leader_election = false;

  friend bool operator==(const TopicSettings&, const TopicSettings&) = default;
};

/// The configuration of one topic: its own values over the broker's. A value of its moment: when
/// the broker's defaults change, it is resolved again. Thread: immutable.
class TopicConfig {
 public:
  /// For a topic that exists: what is invalid in `overrides` (which another tool may have written)
  /// is left out and comes back in `warnings`.
  [[nodiscard]] static TopicConfig resolve(const BrokerValues& broker, const Properties& overrides,
                                           std::vector<std::string>& warnings);

  template <class T>
  [[nodiscard]] T get(const TopicKey<T>& key) const {
    return ValueTraits<T>::take(value(key.name));
  }
  [[nodiscard]] const Value& value(std::string_view name) const;
  [[nodiscard]] TopicSettings settings() const;
  /// What the topic sets itself, as in /config/topics.
  [[nodiscard]] const Properties& overrides() const { return overrides_; }
  /// All keys, sorted by name, for DescribeConfigs.
  [[nodiscard]] std::vector<Entry> describe(const BrokerValues& broker) const;

 private:
  std::vector<Value> values_;  // in the order of topic_keys()
  Properties overrides_;
};

/// For CreateTopics and AlterConfigs: names and values of a topic's own configuration, and what
/// must hold between them and the broker's defaults. Errors: InvalidConfig.
[[nodiscard]] Result<> validate_topic_config(const BrokerValues& broker,
                                             const Properties& overrides);

}  // namespace ottla::config
