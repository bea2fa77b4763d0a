#include "simulation/topic_catalog.h"

namespace ottla::simulation {

TopicCatalog::TopicCatalog() : throttled_(quota::ThrottledReplicas::parse({"*"})) {
  storage::LogConfig config;
  config.segment_bytes = 4096;  // some segments in a short run
  config.index_max_bytes = 1024;
  config.retention_age.reset();
  config.file_delete_delay = std::chrono::seconds(1);
  log_ = std::make_shared<const storage::LogConfig>(config);
}

replica::TopicConfig TopicCatalog::topic_config(const std::string& topic) const {
  const auto own = logs_.find(topic);
  const auto min_isr = min_insync_replicas_.find(topic);
  const std::int32_t created_with = is_safe(topic) ? kMinInsyncReplicas : 1;
  return {
      .log = own == logs_.end() ? log_ : own->second,
      .min_insync_replicas = min_isr == min_insync_replicas_.end() ? created_with : min_isr->second,
      .leader_throttled = throttled_,
      .follower_throttled = throttled_};
}

void TopicCatalog::set_segment_bytes(const std::string& topic, std::int32_t bytes) {
  storage::LogConfig config = *log_;
  config.segment_bytes = bytes;
  logs_[topic] = std::make_shared<const storage::LogConfig>(config);
}

std::map<std::string, std::string> TopicCatalog::overrides(const std::string& topic) {
  if (is_safe(topic)) return {{"min.insync.replicas", std::to_string(kMinInsyncReplicas)}};
  return {{"unclean.leader.election.enable", "true"}};
}

}  // namespace ottla::simulation
