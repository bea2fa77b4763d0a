#pragma once

#include <memory>
#include <string>

#include "broker/metadata/metadata_image.h"
#include "common/base/error.h"
#include "common/config/broker_values.h"
#include "controller/service.h"

namespace ottla::api {

/// Creates the topics that clients ask for in Metadata (auto.create.topics.enable), and
/// those of the coordinators when one is looked for. Never waits: the client asks again
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
  /// For __consumer_offsets or __transaction_state, when their coordinator is looked for.
  void create_for_coordinator(const std::string& topic, const metadata::MetadataImage& image,
                              const config::BrokerValues& config);

 private:
  ErrorCode begin(const std::string& topic, const metadata::MetadataImage& image,
                  const config::BrokerValues& config);

  struct UnderWay;
  controller::ControllerService& controller_;
  const std::shared_ptr<UnderWay> under_way_;
};

}  // namespace ottla::api
