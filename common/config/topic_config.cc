#include "common/config/topic_config.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <glog/logging.h>

#include "common/config/tables.h"

namespace ottla::config {
namespace {

/// A broker's value in the topic key's type and unit. Negative times mean "for ever" in any unit.
Value scaled(const Value& value, const BrokerDefault& from, ValueType type) {
  if (type != ValueType::Long) return value;
  std::int64_t number = 0;
  if (const auto* narrow = std::get_if<std::int32_t>(&value))
    number = *narrow;
  else
    number = std::get<std::int64_t>(value);
  if (from.scale == 1) return number;
  return number < 0 ? std::int64_t{-1} : number * from.scale;
}

/// The topic key's default on this broker.
Value default_of(const AnyKey& key, const BrokerValues& broker) {
  for (const auto& from : key.broker_defaults) {
    if (from.name.empty()) break;
    const Value& value = broker.value(from.name);
    if (!std::holds_alternative<std::monostate>(value)) return scaled(value, from, key.type);
  }
  return key.fallback();
}

std::size_t index_of(const AnyKey& key) {
  return static_cast<std::size_t>(&key - topic_keys().data());
}

Result<> validate_together(const TopicConfig& config) {
  const auto lag = config.get(topic::kMinCompactionLagMs);
  const auto most = config.get(topic::kMaxCompactionLagMs);
  if (lag > most) {
    return fail(ErrorCode::InvalidConfig, "min.compaction.lag.ms=" + std::to_string(lag) +
                                              ": must be at most max.compaction.lag.ms (" +
                                              std::to_string(most) + ")");
  }
  if (config.get(topic::kRemoteStorageEnable)) {
    return fail(ErrorCode::InvalidConfig,
                "remote.storage.enable=true: must be false, since the brokers have no tiered "
                "storage");
  }
  return {};
}

}  // namespace

std::optional<std::string> throttled_replicas_violation(const Value& value) {
  const auto& list = std::get<List>(value);
  const auto is_pair = [](const std::string& element) {
    const auto colon = element.find(':');
    const auto digits = [](std::string_view text) {
      return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
    };
    return colon != std::string::npos && digits(std::string_view(element).substr(0, colon)) &&
           digits(std::string_view(element).substr(colon + 1));
  };
  if ((list.size() == 1 && list.front() == "*") || std::ranges::all_of(list, is_pair)) {
    return std::nullopt;
  }
  return "must be partition:broker elements separated by commas, or *";
}

TopicConfig TopicConfig::resolve(const BrokerValues& broker, const Properties& overrides,
                                 std::vector<std::string>& warnings) {
  TopicConfig config;
  for (const auto& key : topic_keys()) config.values_.push_back(default_of(key, broker));
  for (const auto& [name, text] : overrides) {
    const AnyKey* key = find_topic_key(name);
    if (key == nullptr) {
      warnings.push_back(name + ": unknown topic configuration, ignored");
      continue;
    }
    auto value = parse(*key, text);
    if (!value) {
      warnings.push_back(value.error().message());
      continue;
    }
    config.values_.at(index_of(*key)) = *std::move(value);
    config.overrides_.emplace(name, text);
  }
  return config;
}

const Value& TopicConfig::value(std::string_view name) const {
  const AnyKey* key = find_topic_key(name);
  CHECK(key != nullptr) << "no row for topic key " << name;
  return values_.at(index_of(*key));
}

TopicSettings TopicConfig::settings() const {
  const List policies = get(topic::kCleanupPolicy);
  const auto has_policy = [&](std::string_view policy) {
    return std::ranges::find(policies, policy) != policies.end();
  };
  constexpr auto kUnlimited = std::numeric_limits<std::int64_t>::max();
  const auto before = get(topic::kMessageTimestampBeforeMaxMs);
  const auto after = get(topic::kMessageTimestampAfterMaxMs);
  // KIP-937: the old key counts where the new one was left alone.
  const auto difference = get(topic::kMessageTimestampDifferenceMaxMs);
  return {.compact = has_policy("compact"),
          .delete_old = has_policy("delete"),
          .compression_type = get(topic::kCompressionType),
          .gzip_level = get(topic::kCompressionGzipLevel),
          .lz4_level = get(topic::kCompressionLz4Level),
          .zstd_level = get(topic::kCompressionZstdLevel),
          .max_message_bytes = get(topic::kMaxMessageBytes),
          .timestamp_type = get(topic::kMessageTimestampType),
          .timestamp_before_max_ms = before != kUnlimited ? before : difference,
          .timestamp_after_max_ms = after != kUnlimited ? after : difference,
          .down_conversion = get(topic::kMessageDownconversionEnable),
          .segment_bytes = get(topic::kSegmentBytes),
          .segment_ms = get(topic::kSegmentMs),
          .segment_jitter_ms = get(topic::kSegmentJitterMs),
          .segment_index_bytes = get(topic::kSegmentIndexBytes),
          .index_interval_bytes = get(topic::kIndexIntervalBytes),
          .preallocate = get(topic::kPreallocate),
          .flush_messages = get(topic::kFlushMessages),
          .flush_ms = get(topic::kFlushMs),
          .retention_ms = get(topic::kRetentionMs),
          .retention_bytes = get(topic::kRetentionBytes),
          .file_delete_delay_ms = get(topic::kFileDeleteDelayMs),
          .delete_retention_ms = get(topic::kDeleteRetentionMs),
          .min_cleanable_dirty_ratio = get(topic::kMinCleanableDirtyRatio),
          .min_compaction_lag_ms = get(topic::kMinCompactionLagMs),
          .max_compaction_lag_ms = get(topic::kMaxCompactionLagMs),
          .min_insync_replicas = get(topic::kMinInsyncReplicas),
          .unclean_leader_election = get(topic::kUncleanLeaderElectionEnable)};
}

std::vector<Entry> TopicConfig::describe(const BrokerValues& broker) const {
  std::vector<Entry> entries;
  for (const auto& key : topic_keys()) {
    Entry entry;
    entry.name = std::string(key.name);
    entry.value = to_text(value(key.name));
    entry.type = key.type;
    entry.doc = key.doc;
    if (const auto own = overrides_.find(key.name); own != overrides_.end()) {
      entry.synonyms.push_back({entry.name, own->second, Source::DynamicTopic});
    }
    std::vector<std::string_view> names;
    for (const auto& from : key.broker_defaults) {
      if (!from.name.empty()) names.push_back(from.name);
    }
    for (auto& synonym : broker.synonyms(names)) entry.synonyms.push_back(std::move(synonym));
    entry.source = entry.synonyms.empty() ? Source::Default : entry.synonyms.front().source;
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<> validate_topic_config(const BrokerValues& broker, const Properties& overrides) {
  for (const auto& [name, text] : overrides) {
    const AnyKey* key = find_topic_key(name);
    if (key == nullptr) {
      return fail(ErrorCode::InvalidConfig, name + ": unknown topic configuration");
    }
    if (auto value = parse(*key, text); !value) return fail(std::move(value).error());
  }
  std::vector<std::string> warnings;
  return validate_together(TopicConfig::resolve(broker, overrides, warnings));
}

}  // namespace ottla::config
