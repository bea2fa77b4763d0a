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
}

TEST(MetadataCache, ReadersKeepTheImageTheyTook) {
  MetadataCache cache;
  const auto before = cache.image();
  cache.publish(before->apply(with_topic(kFirstId, {partition(0, 1)})));
  EXPECT_EQ(before->topic("orders"), nullptr);
  EXPECT_NE(cache.image()->topic("orders"), nullptr);
}

}  // namespace
}  // namespace ottla::metadata
