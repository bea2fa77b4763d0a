#pragma once

#include <memory>
#include <string>

#include "broker/metadata/metadata_image.h"
#include "common/base/error.h"
#include "common/config/broker_values.h"
#include "controller/service.h"

namespace ottla::api {

/// Creates the topics that clients ask for in Metadata (auto.create.topics.enable), and
/// __consumer_offsets when a group's coordinator is looked for. Never waits: the client asks again
/// until the topic has leaders.
/// Thread: any.
class TopicAutoCreation {
 public:
  explicit TopicAutoCreation(controller::ControllerService& controller);
  ~TopicAutoCreation();

  /// Starts the creation of a topic that `image` does not know, unless it is under way. What
  /// Metadata answers meanwhile: LeaderNotAvailable; InvalidTopicException for its name;
  /// InvalidReplicationFactor when too few brokers live; UnknownTopicOrPartition for
  /// __transaction_state, which only its coordinator creates.
  [[nodiscard]] ErrorCode create(const std::string& topic, const metadata::MetadataImage& image,
                                 const config::BrokerValues& config);

 private:
  struct UnderWay;
  controller::ControllerService& controller_;
  const std::shared_ptr<UnderWay> under_way_;
};

}  // namespace ottla::api
