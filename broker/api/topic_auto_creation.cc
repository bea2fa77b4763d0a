#include "broker/api/topic_auto_creation.h"

#include <glog/logging.h>

#include <set>
#include <utility>
#include <vector>

#include "broker/api/endpoints.h"
#include "broker/group/log_records.h"
#include "broker/transaction/log_records.h"
#include "common/base/mutex.h"
#include "common/cluster/topic_name.h"
#include "common/config/broker_keys.h"
#include "common/config/group_keys.h"
#include "common/config/transaction_keys.h"

namespace ottla::api {
namespace {

/// Clients can ask for any number of topics; the others have to ask again.
constexpr std::size_t kMostUnderWay = 1'000;

controller::NewTopic as_configured(const std::string& topic, const config::BrokerValues& config) {
  controller::NewTopic wanted;
  wanted.name = topic;
  if (topic == group::kOffsetsTopic) {
    wanted.partitions = config.get(config::kOffsetsTopicNumPartitions);
    wanted.replication_factor = config.get(config::kOffsetsTopicReplicationFactor);
    wanted.configs = {
        {"cleanup.policy", "compact"},
        {"compression.type", "producer"},
        {"segment.bytes", std::to_string(config.get(config::kOffsetsTopicSegmentBytes))}};
  } else if (topic == transaction::kTransactionsTopic) {
    wanted.partitions = config.get(config::kTransactionStateLogNumPartitions);
    wanted.replication_factor = config.get(config::kTransactionStateLogReplicationFactor);
    wanted.configs = {
        {"cleanup.policy", "compact"},
        {"compression.type", "uncompressed"},
        {"min.insync.replicas", std::to_string(config.get(config::kTransactionStateLogMinIsr))},
        {"segment.bytes", std::to_string(config.get(config::kTransactionStateLogSegmentBytes))},
        {"unclean.leader.election.enable", "false"}};
  } else {
    wanted.partitions = config.get(config::kNumPartitions);
    wanted.replication_factor = config.get(config::kDefaultReplicationFactor);
  }
  return wanted;
}

}  // namespace

/// Shared with the callbacks, which may come after the end of TopicAutoCreation.
struct TopicAutoCreation::UnderWay {
  Mutex mutex{LockRank::Leaf};
  std::set<std::string> topics OTTLA_GUARDED_BY(mutex);

  bool begin(const std::string& topic) {
    MutexLock lock(mutex);
    return topics.size() < kMostUnderWay && topics.insert(topic).second;
  }
  void end(const std::string& topic) {
    MutexLock lock(mutex);
    topics.erase(topic);
  }
};

TopicAutoCreation::TopicAutoCreation(controller::ControllerService& controller)
    : controller_(controller), under_way_(std::make_shared<UnderWay>()) {}

TopicAutoCreation::~TopicAutoCreation() = default;

ErrorCode TopicAutoCreation::create(const std::string& topic, const metadata::MetadataImage& image,
                                    const config::BrokerValues& config) {
  if (!cluster::is_valid_topic_name(topic)) return ErrorCode::InvalidTopicException;
  if (cluster::is_internal_topic(topic) && topic != group::kOffsetsTopic) {
    return ErrorCode::UnknownTopicOrPartition;
  }
  return begin(topic, image, config);
}

void TopicAutoCreation::create_for_coordinator(const std::string& topic,
                                               const metadata::MetadataImage& image,
                                               const config::BrokerValues& config) {
  (void)begin(topic, image, config);  // whoever asked is told to ask again, whatever comes of it
}

ErrorCode TopicAutoCreation::begin(const std::string& topic, const metadata::MetadataImage& image,
                                   const config::BrokerValues& config) {
  controller::NewTopic wanted = as_configured(topic, config);
  if (static_cast<std::int64_t>(image.brokers().size()) < wanted.replication_factor) {
    LOG_EVERY_T(WARNING, 10) << "[" << topic << "] not created: it needs "
                             << wanted.replication_factor << " brokers, " << image.brokers().size()
                             << " live";
    return ErrorCode::InvalidReplicationFactor;
  }
  if (!under_way_->begin(topic)) return ErrorCode::LeaderNotAvailable;

  std::vector<cluster::Broker> live;
  for (const auto& [id, broker] : image.brokers()) live.push_back(broker);
  controller_.auto_create_topics(
      {std::move(wanted)}, std::move(live),
      [under_way = under_way_, topic](const std::vector<controller::CreatedTopic>& created) {
        for (const controller::CreatedTopic& outcome : created) {
          if (outcome.error == ErrorCode::None) {
            LOG(INFO) << "[" << topic << "] created: a client asked for it";
          } else if (outcome.error != ErrorCode::TopicAlreadyExists) {
            LOG_EVERY_T(WARNING, 10)
                << "[" << topic
                << "] not created for a client: " << Error(outcome.error, outcome.message);
          }
        }
        under_way->end(topic);
      });
  return ErrorCode::LeaderNotAvailable;
}

}  // namespace ottla::api
