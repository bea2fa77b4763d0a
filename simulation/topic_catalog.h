#pragma once

#include <map>
#include <string>

#include "broker/replica/surroundings.h"
#include "controller/config.h"

namespace ottla::simulation {

/// The configurations of the workload's topics, which their names tell: they do not change while a
/// run lasts. "safe-*", and what belongs to
/// the coordinators, promises what acks=all promises with min.insync.replicas=2; "unclean-*"
/// allows unclean elections and promises nothing.
/// Thread: immutable.
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

  static constexpr std::int32_t kMinInsyncReplicas = 2;

 private:
  std::shared_ptr<const storage::LogConfig> log_;
};

}  // namespace ottla::simulation
