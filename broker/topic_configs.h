#pragma once

#include <map>
#include <memory>
#include <string>

#include "broker/api/services.h"
#include "broker/replica/surroundings.h"
#include "common/base/mutex.h"
#include "common/config/broker_config.h"
#include "common/config/topic_config.h"

namespace ottla::broker {

/// Every topic's configuration, as its replicas and logs need it and as the API handlers show it:
/// what /config/topics says over this broker's defaults. Resolved once for each change, not for
/// each request.
/// Thread: any (mutex_).
class TopicConfigs {
 public:
  struct Resolved {
    std::shared_ptr<const config::TopicConfig> config;
    replica::TopicConfig replica;
  };

  explicit TopicConfigs(config::BrokerConfig& config) : config_(config) {}

  [[nodiscard]] Resolved of(const std::string& topic) const OTTLA_EXCLUDES(mutex_);

  /// What /config/topics/T holds now; empty when the node is gone. Invalid values are left out and
  /// logged.
  void set_overrides(const std::string& topic, const config::Properties& overrides)
      OTTLA_EXCLUDES(mutex_);
  /// Resolves all topics again: the broker's defaults changed.
  void refresh() OTTLA_EXCLUDES(mutex_);

 private:
  [[nodiscard]] Resolved resolve(const std::string& topic,
                                 const config::Properties& overrides) const;

  config::BrokerConfig& config_;
  mutable Mutex mutex_{LockRank::Session};
  std::map<std::string, Resolved> topics_ OTTLA_GUARDED_BY(mutex_);
  /// For topics without a configuration of their own.
  Resolved defaults_ OTTLA_GUARDED_BY(mutex_) = resolve("", {});
};

/// The replicas' view of TopicConfigs.
class ReplicaTopicConfigs final : public replica::TopicConfigs {
 public:
  explicit ReplicaTopicConfigs(const broker::TopicConfigs& configs) : configs_(configs) {}
  [[nodiscard]] replica::TopicConfig topic_config(const std::string& topic) const override {
    return configs_.of(topic).replica;
  }

 private:
  const broker::TopicConfigs& configs_;
};

/// The API handlers' view of TopicConfigs.
class ApiTopicConfigs final : public api::TopicConfigs {
 public:
  explicit ApiTopicConfigs(const broker::TopicConfigs& configs) : configs_(configs) {}
  [[nodiscard]] std::shared_ptr<const config::TopicConfig> topic_config(
      const std::string& topic) const override {
    return configs_.of(topic).config;
  }

 private:
  const broker::TopicConfigs& configs_;
};

/// The storage layer's view of a topic's settings.
[[nodiscard]] storage::LogConfig log_config_of(const config::TopicSettings& settings);

}  // namespace ottla::broker
