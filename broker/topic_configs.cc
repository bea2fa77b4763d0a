#include "broker/topic_configs.h"

#include <glog/logging.h>

#include <utility>
#include <vector>

#include "broker/quota/throttled_replicas.h"
#include "broker/storage/log_config.h"
#include "common/config/topic_keys.h"

namespace ottla::broker {
namespace {

using std::chrono::milliseconds;

std::optional<record::Codec> codec_of(config::CompressionType type) {
  switch (type) {
    case config::CompressionType::Producer:
      return std::nullopt;
    case config::CompressionType::Uncompressed:
      return record::Codec::None;
    case config::CompressionType::Gzip:
      return record::Codec::Gzip;
    case config::CompressionType::Snappy:
      return record::Codec::Snappy;
    case config::CompressionType::Lz4:
      return record::Codec::Lz4;
    case config::CompressionType::Zstd:
      return record::Codec::Zstd;
  }
  return std::nullopt;
}

record::TimestampType timestamp_type_of(config::TimestampType type) {
  return type == config::TimestampType::LogAppendTime ? record::TimestampType::LogAppendTime
                                                      : record::TimestampType::CreateTime;
}

/// Kafka's -1 is "no limit".
template <class T>
std::optional<T> limit_of(std::int64_t value) {
  if (value < 0) return std::nullopt;
  return T(value);
}

}  // namespace

storage::LogConfig log_config_of(const config::TopicSettings& settings) {
  storage::LogConfig log;
  log.segment_bytes = settings.segment_bytes;
  log.segment_age = milliseconds(settings.segment_ms);
  log.segment_jitter = milliseconds(settings.segment_jitter_ms);
  log.index_interval_bytes = settings.index_interval_bytes;
  log.index_max_bytes = settings.segment_index_bytes;
  log.preallocate = settings.preallocate;
  log.retention_age = limit_of<milliseconds>(settings.retention_ms);
  log.retention_bytes = limit_of<std::int64_t>(settings.retention_bytes);
  log.file_delete_delay = milliseconds(settings.file_delete_delay_ms);
  log.flush_messages = settings.flush_messages;
  log.flush_ms = settings.flush_ms;
  log.cleanup_delete = settings.delete_old;
  log.cleanup_compact = settings.compact;
  log.min_cleanable_ratio = settings.min_cleanable_dirty_ratio;
  log.delete_retention = milliseconds(settings.delete_retention_ms);
  log.min_compaction_lag = milliseconds(settings.min_compaction_lag_ms);
  log.max_compaction_lag_ms = settings.max_compaction_lag_ms;
  log.max_message_bytes = settings.max_message_bytes;
  log.timestamp_type = timestamp_type_of(settings.timestamp_type);
  log.timestamp_before_max_ms = settings.timestamp_before_max_ms;
  log.timestamp_after_max_ms = settings.timestamp_after_max_ms;
  log.down_conversion = settings.down_conversion;
  log.compression = codec_of(settings.compression_type);
  log.gzip_level = settings.gzip_level;
  log.lz4_level = settings.lz4_level;
  log.zstd_level = settings.zstd_level;
  return log;
}

TopicConfigs::Resolved TopicConfigs::of(const std::string& topic) const {
  MutexLock lock(mutex_);
  const auto found = topics_.find(topic);
  return found == topics_.end() ? defaults_ : found->second;
}

void TopicConfigs::set_overrides(const std::string& topic, const config::Properties& overrides) {
  Resolved resolved = resolve(topic, overrides);
  MutexLock lock(mutex_);
  if (overrides.empty()) {
    topics_.erase(topic);
  } else {
    topics_.insert_or_assign(topic, std::move(resolved));
  }
}

void TopicConfigs::refresh() {
  MutexLock lock(mutex_);
  defaults_ = resolve("", {});
  for (auto& [topic, resolved] : topics_) resolved = resolve(topic, resolved.config->overrides());
}

TopicConfigs::Resolved TopicConfigs::resolve(const std::string& topic,
                                             const config::Properties& overrides) const {
  std::vector<std::string> warnings;
  auto resolved = std::make_shared<const config::TopicConfig>(
      config::TopicConfig::resolve(*config_.values(), overrides, warnings));
  for (const std::string& warning : warnings) LOG(WARNING) << "[topic " << topic << "] " << warning;
  const config::TopicSettings settings = resolved->settings();
  replica::TopicConfig replica{.log = std::make_shared<storage::LogConfig>(log_config_of(settings)),
                               .min_insync_replicas = settings.min_insync_replicas,
                               .leader_throttled = quota::ThrottledReplicas::parse(resolved->get(
                                   config::topic::kLeaderReplicationThrottledReplicas)),
                               .follower_throttled = quota::ThrottledReplicas::parse(resolved->get(
                                   config::topic::kFollowerReplicationThrottledReplicas))};
  return {.config = std::move(resolved), .replica = std::move(replica)};
}

}  // namespace ottla::broker
