#pragma once

#include <string>

#include "broker/replica/surroundings.h"

namespace ottla::simulation {

/// Promises nothing to acks=all: Bug::CommitsBelowMinIsr.
class CarelessTopics final : public replica::TopicConfigs {
 public:
  explicit CarelessTopics(const replica::TopicConfigs& inner) : inner_(inner) {}
  [[nodiscard]] replica::TopicConfig topic_config(const std::string& topic) const override {
    replica::TopicConfig config = inner_.topic_config(topic);
    config.min_insync_replicas = 1;
    return config;
  }

 private:
  const replica::TopicConfigs& inner_;
};

}  // namespace ottla::simulation
