#include "broker/metadata/metadata_image.h"

#include <gtest/gtest.h>

#include "broker/metadata/metadata_cache.h"

namespace ottla::metadata {
namespace {

constexpr TopicId kFirstId(1, 1);
constexpr TopicId kSecondId(2, 2);

rpc::PartitionUpdate partition(std::int32_t index, int leader) {
  rpc::PartitionUpdate update;
  update.partition = index;
  update.assignment.replicas = {BrokerId(leader)};
  update.state.leader = BrokerId(leader);
  return update;
}

rpc::ClusterUpdate with_topic(TopicId id, std::vector<rpc::PartitionUpdate> partitions) {
  rpc::ClusterUpdate update;
  update.controller = BrokerId(1);
  update.topics = {{"orders", id, std::move(partitions)}};
  return update;
}

TEST(MetadataImage, ADeltaKeepsWhatItDoesNotName) {
  const auto first =
      MetadataImage{}.apply(with_topic(kFirstId, {partition(0, 1), partition(1, 2)}));
  const auto second = first->apply(with_topic(kFirstId, {partition(1, 3)}));
  EXPECT_EQ(second->partition("orders", 0)->state.leader, BrokerId(1));
  EXPECT_EQ(second->partition("orders", 1)->state.leader, BrokerId(3));
  EXPECT_EQ(first->partition("orders", 1)->state.leader, BrokerId(2));
}

TEST(MetadataImage, AFullUpdateForgetsTheRest) {
  const auto first = MetadataImage{}.apply(with_topic(kFirstId, {partition(0, 1)}));
  rpc::ClusterUpdate full;
  full.full = true;
  EXPECT_EQ(first->apply(full)->topic("orders"), nullptr);
}

TEST(MetadataImage, ATopicMadeAgainHasNothingOfTheOldOne) {
  const auto first =
      MetadataImage{}.apply(with_topic(kFirstId, {partition(0, 1), partition(1, 1)}));
  const auto second = first->apply(with_topic(kSecondId, {partition(0, 2)}));
  EXPECT_EQ(second->topic(kFirstId), nullptr);
  EXPECT_EQ(second->topic(kSecondId)->partitions.size(), 1U);
}

TEST(MetadataImage, AStaleDeletionLeavesTheNewTopic) {
  const auto image = MetadataImage{}.apply(with_topic(kSecondId, {partition(0, 2)}));
  rpc::ClusterUpdate stale;
  stale.deleted_topics = {{"orders", kFirstId, {}}};
  EXPECT_NE(image->apply(stale)->topic("orders"), nullptr);
}

TEST(MetadataImage, KnowsOnlyPartitionsThatWereTold) {
  const auto image = MetadataImage{}.apply(with_topic(kFirstId, {partition(2, 1)}));
  EXPECT_EQ(image->partition("orders", 0), nullptr);
  EXPECT_NE(image->partition("orders", 2), nullptr);
  EXPECT_EQ(image->partition("orders", 3), nullptr);
  EXPECT_EQ(image->partition("orders", -1), nullptr);
  EXPECT_EQ(image->partition_count("orders", 50), 3);
  EXPECT_EQ(image->partition_count("unknown", 50), 50);
}

TEST(MetadataImage, TellsTheStatesOfOneTopicOnly) {
  const auto image = MetadataImage{}.apply(with_topic(kFirstId, {partition(2, 1)}));
  cluster::Topic topic{"orders", kFirstId, std::vector<cluster::Assignment>(4)};
  const auto states = image->states_of(topic);
  ASSERT_EQ(states.size(), 4U);
  EXPECT_FALSE(states[0] || states[1] || states[3]);
  EXPECT_EQ(states[2], image->partition("orders", 2)->state);
  topic.id = kSecondId;
  EXPECT_EQ(image->states_of(topic), (std::vector<std::optional<cluster::PartitionState>>(4)));
}

TEST(MetadataCache, ReadersKeepTheImageTheyTook) {
  MetadataCache cache;
  const auto before = cache.image();
  cache.publish(before->apply(with_topic(kFirstId, {partition(0, 1)})));
  EXPECT_EQ(before->topic("orders"), nullptr);
  EXPECT_NE(cache.image()->topic("orders"), nullptr);
}

rpc::ClusterUpdate with_broker(int id, int epoch) {
  cluster::Broker broker;
  broker.id = BrokerId(id);
  broker.epoch = BrokerEpoch(epoch);
  rpc::ClusterUpdate update;
  update.live_brokers = {broker};
  return update;
}

TEST(MetadataCache, LeavesOutADeadBrokerUntilItRegistersAgain) {
  MetadataCache cache;
  cache.publish(cache.told_image()->apply(with_broker(7, 10)));
  cache.set_dead(BrokerId(7), BrokerEpoch(10), true);
  EXPECT_EQ(cache.image()->broker(BrokerId(7)), nullptr);
  EXPECT_NE(cache.told_image()->broker(BrokerId(7)), nullptr);

  // An update of a controller that has not noticed yet does not bring it back.
  cache.publish(cache.told_image()->apply(with_topic(kFirstId, {partition(0, 7)})));
  EXPECT_EQ(cache.image()->broker(BrokerId(7)), nullptr);
  cache.publish(cache.told_image()->apply(with_broker(7, 11)));
  EXPECT_NE(cache.image()->broker(BrokerId(7)), nullptr);
}

TEST(MetadataCache, ABrokerThatAnswersAgainIsBack) {
  MetadataCache cache;
  cache.publish(cache.told_image()->apply(with_broker(7, 10)));
  cache.set_dead(BrokerId(7), BrokerEpoch(10), true);
  cache.set_dead(BrokerId(7), BrokerEpoch(10), false);
  EXPECT_NE(cache.image()->broker(BrokerId(7)), nullptr);
}

}  // namespace
}  // namespace ottla::metadata
