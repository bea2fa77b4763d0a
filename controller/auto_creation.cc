#include "controller/auto_creation.h"

#include <memory>
#include <utility>

#include "controller/topic_admin.h"

namespace ottla::controller {
namespace {

/// The topics of one call on their way to ZooKeeper.
struct Creation {
  std::vector<CreatedTopic> results;
  std::size_t outstanding = 1;
  Callback<std::vector<CreatedTopic>> done;

  void ended() {
    if (--outstanding == 0) std::move(done)(std::move(results));
  }
};

ErrorCode code_of(zookeeper::StoreError error) {
  if (error == zookeeper::StoreError::NodeExists) return ErrorCode::TopicAlreadyExists;
  // Written or not: the next request for the topic's metadata shows.
  return ErrorCode::RequestTimedOut;
}

}  // namespace

void create_from_any_broker(zookeeper::Store& store, const ControllerConfig& config,
                            env::Random& random, std::vector<NewTopic> topics,
                            std::vector<cluster::Broker> live,
                            Callback<std::vector<CreatedTopic>> done) {
  auto creation = std::make_shared<Creation>();
  creation->done = std::move(done);
  for (const NewTopic& topic : topics) {
    creation->results.emplace_back();
    creation->results.back().name = topic.name;
  }
  store.list_topics(
      zookeeper::Watch::No,
      [&store, &config, &random, creation, topics = std::move(topics),
       live = std::move(live)](zookeeper::StoreResult<std::vector<std::string>> names) {
        TopicSurroundings around;
        for (const cluster::Broker& b : live) around.live_brokers.push_back({b.id, b.rack});
        if (names) around.existing = {names->begin(), names->end()};
        for (std::size_t i = 0; i < topics.size(); ++i) {
          CreatedTopic& result = creation->results[i];
          if (!names) {
            result.error = ErrorCode::RequestTimedOut;
            continue;
          }
          Result<cluster::Topic> topic = plan_topic(topics[i], around, config, random);
          if (!topic) {
            result.error = topic.error().code();
            result.message = topic.error().message();
            continue;
          }
          around.existing.insert(topics[i].name);
          result.id = topic->id;
          result.partitions = static_cast<std::int32_t>(topic->partitions.size());
          result.replication_factor =
              static_cast<std::int32_t>(topic->partitions.front().replicas.size());
          ++creation->outstanding;
          store.create_topic(std::nullopt, *std::move(topic), topics[i].configs,
                             [creation, i](zookeeper::StoreResult<> written) {
                               if (!written) creation->results[i].error = code_of(written.error());
                               creation->ended();
                             });
        }
        creation->ended();
      });
}

}  // namespace ottla::controller
