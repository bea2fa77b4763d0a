#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "broker/metadata/metadata_cache.h"
#include "common/base/mutex.h"
#include "common/metrics/counter.h"
#include "common/metrics/registry.h"

namespace ottla::api {

/// The counters of kafka.server:type=BrokerTopicMetrics that clients' requests move.
struct TopicCounters {
  std::shared_ptr<metrics::Counter> bytes_in;
  std::shared_ptr<metrics::Counter> bytes_out;
  std::shared_ptr<metrics::Counter> messages_in;
  std::shared_ptr<metrics::Counter> produce_requests;
  std::shared_ptr<metrics::Counter> failed_produce_requests;
  std::shared_ptr<metrics::Counter> fetch_requests;
  std::shared_ptr<metrics::Counter> failed_fetch_requests;
  std::shared_ptr<metrics::Counter> bytes_rejected;
  std::shared_ptr<metrics::Counter> produce_conversions;
  std::shared_ptr<metrics::Counter> fetch_conversions;
};

/// Counts for each topic and for all together.
/// Thread: any (mutex_).
class TopicMetrics {
 public:
  TopicMetrics(metrics::Registry& registry, const metadata::MetadataCache& metadata);

  void produced(const std::string& topic, std::uint64_t bytes, std::int64_t records, bool failed);
  /// Record bytes refused as too large.
  void rejected(const std::string& topic, std::uint64_t bytes);
  /// Records of an old producer, converted up.
  void converted_up(const std::string& topic, std::int64_t records);
  /// A partition of an old consumer's fetch, converted down.
  void converted_down(const std::string& topic);
  void fetched(const std::string& topic, std::uint64_t bytes, bool failed);

 private:
  /// Only the total for a topic that does not exist: clients do not get to name our series. One
  /// that was served exists, also if the image that has it is not out yet.
  [[nodiscard]] std::shared_ptr<const TopicCounters> find(const std::string& topic,
                                                          bool was_served = false);
  void add(const std::string& topic, std::shared_ptr<metrics::Counter> TopicCounters::* counter,
           std::int64_t amount);
  void forget_deleted(const metadata::MetadataImage& image) OTTLA_REQUIRES(mutex_);
  [[nodiscard]] TopicCounters make(const metrics::LabelValues& labels) const;

  metrics::Registry& registry_;
  const metadata::MetadataCache& metadata_;
  const TopicCounters all_;
  Mutex mutex_{LockRank::Leaf};
  std::unordered_map<std::string, std::shared_ptr<const TopicCounters>> topics_
      OTTLA_GUARDED_BY(mutex_);
};

}  // namespace ottla::api
