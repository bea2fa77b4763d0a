#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "broker/replica/surroundings.h"
#include "controller/config.h"

namespace ottla::simulation {

/// The configurations of the workload's topics. What they promise their names tell: "safe-*", and
/// what belongs to the coordinators, what acks=all promises with min.insync.replicas=2; "unclean-*"
/// allows unclean elections and promises nothing. Segment sizes, min.insync.replicas (never below
/// what is promised) and the rate of replication change while a run lasts, for all brokers at once;
/// who has to is told by `SimulatedBroker`.
class TopicCatalog final : public replica::TopicConfigs {
 public:
  TopicCatalog();

  [[nodiscard]] replica::TopicConfig topic_config(const std::string& topic) const override;
  /// As CreateTopics gets it.
  [[nodiscard]] static std::map<std::string, std::string> overrides(const std::string& topic);
  /// Whether what is acknowledged there with acks=all must never be lost.
  [[nodiscard]] static bool is_safe(const std::string& topic) {
    return topic.starts_with("safe-") || topic.starts_with("__");
  }

  void set_segment_bytes(const std::string& topic, std::int32_t bytes);
  void set_min_insync_replicas(const std::string& topic, std::int32_t replicas) {
    min_insync_replicas_[topic] = replicas;
  }

  /// leader. and follower.replication.throttled.rate: bytes a second, for all replicas that are
  /// not in sync.
  [[nodiscard]] std::int64_t replication_rate() const { return replication_rate_; }
  void set_replication_rate(std::int64_t rate) { replication_rate_ = rate; }
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

  static constexpr std::int32_t kMinInsyncReplicas = 2;
  /// How few brokers must hold what the topic acknowledges: what min.insync.replicas is never
  /// below.
  [[nodiscard]] static std::int32_t promised_holders(const std::string& topic) {
    return is_safe(topic) && topic != "safe-a" ? kMinInsyncReplicas : 1;
  }

 private:
  std::shared_ptr<const storage::LogConfig> log_;  ///< Of topics without one of their own.
  std::map<std::string, std::shared_ptr<const storage::LogConfig>> logs_;
  std::map<std::string, std::int32_t> min_insync_replicas_;  ///< Of topics that others count for.
  std::shared_ptr<const quota::ThrottledReplicas> throttled_;
  std::int64_t replication_rate_ = kUnlimited;
};

}  // namespace ottla::simulation
