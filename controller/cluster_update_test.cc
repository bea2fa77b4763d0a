#include "controller/cluster_update.h"

#include <gtest/gtest.h>

namespace ottla::controller {
namespace {

constexpr BrokerId kOne{1};
constexpr BrokerId kTwo{2};

/// orders-0, led by broker 1, with brokers 1 and 2 in the ISR.
ClusterModel make_model() {
  ClusterModel model;
  model.self = kTwo;
  for (const BrokerId id : {kOne, kTwo}) {
    BrokerEntry broker;
    broker.registration.id = id;
    broker.registration.epoch = BrokerEpoch(id.value());
    model.brokers[id] = broker;
  }
  TopicEntry topic;
  topic.name = "orders";
  PartitionEntry& partition = topic.partitions.emplace_back();
  partition.assignment.replicas = {kOne, kTwo};
  partition.state.emplace();
  partition.state->leader = kOne;
  partition.state->isr = {kOne, kTwo};
  model.topics["orders"] = topic;
  return model;
}

BrokerId leader_told_to(const ClusterModel& model, BrokerId receiver) {
  News news;
  news.everything = true;
  return make_update(model, model.brokers.at(receiver).registration, news)
      .topics.at(0)
      .partitions.at(0)
      .state.leader;
}

// W1: between its registration and the write that takes it out, a leader that lost the tail of its
// log would serve what is left.
TEST(ClusterUpdate, ALeaderInDoubtIsNotToldThatItLeads) {
  ClusterModel model = make_model();
  EXPECT_EQ(leader_told_to(model, kOne), kOne);
  PartitionEntry& partition = model.topics["orders"].partitions[0];
  for (auto* const unsettled :
       {&partition.doubted, &partition.restarted, &partition.restarted_in_write}) {
    *unsettled = {kOne};
    EXPECT_EQ(leader_told_to(model, kOne), kNoBroker);
    EXPECT_EQ(leader_told_to(model, kTwo), kOne);
    unsettled->clear();
  }
}

// W1: a broker that was registered before the partition was created has lost no log of it, though
// this controller's predecessor died before anybody heard of the partition.
TEST(ClusterUpdate, WhoWasThereBeforeThePartitionHearsSo) {
  ClusterModel model = make_model();
  model.topics["orders"].partitions[0].state->created_zxid = 100;
  News news;
  news.partitions[{"orders", 0}] = false;
  cluster::Broker receiver{.id = kTwo, .epoch = BrokerEpoch(99)};
  const auto is_told = [&] {
    return make_update(model, receiver, news).topics.at(0).partitions.at(0).created_since;
  };
  EXPECT_TRUE(is_told());
  receiver.epoch = BrokerEpoch(101);
  EXPECT_FALSE(is_told());
}

News news_of(std::int32_t partitions, std::int32_t with_other_leaders) {
  News news;
  for (std::int32_t p = 0; p < partitions; ++p) news.partitions[{"orders", p}] = false;
  for (std::int32_t p = 0; p < with_other_leaders; ++p) {
    news.urgent.insert({"orders", partitions - 1 - p});
  }
  return news;
}

std::set<TopicPartition> round_of(const News& news) {
  std::set<TopicPartition> round;
  add_to_round(round, news);
  return round;
}

// W22: a partition without a leader does not wait for its thousands of siblings.
TEST(ClusterUpdate, W22NewLeadersAreToldFirstAndAFewAtATime) {
  News news = news_of(1'000, 150);
  news.stop_replicas.push_back({"orders", {}, 0, LeaderEpoch(1), false});
  const News first = take_urgent(news, round_of(news));
  EXPECT_EQ(first.partitions.size(), 100U);
  EXPECT_EQ(first.partitions.begin()->first.partition, 850);
  EXPECT_TRUE(first.stop_replicas.empty());
  EXPECT_EQ(take_urgent(news, round_of(news)).partitions.size(), 50U);
  EXPECT_TRUE(take_urgent(news, round_of(news)).empty());
  const News third = take_next(news);
  EXPECT_EQ(third.partitions.size(), 500U);
  EXPECT_EQ(third.stop_replicas.size(), 1U);
  EXPECT_EQ(take_next(news).partitions.size(), 350U);
  EXPECT_TRUE(news.empty());
}

TEST(ClusterUpdate, W22NewLeadersAreToldBeforeEverything) {
  News news = news_of(1'000, 1);
  news.everything = true;
  const News first = take_urgent(news, round_of(news));
  EXPECT_FALSE(first.everything);
  EXPECT_TRUE(first.brokers) << "who lives goes with it";
  EXPECT_EQ(first.partitions.size(), 1U);
  const News second = take_next(news);
  EXPECT_TRUE(second.everything);
  EXPECT_TRUE(news.empty());
}

TEST(ClusterUpdate, AHostCrashIsUnsettledUntilZooKeeperHasTheDoubts) {
  ClusterModel model = make_model();
  PartitionEntry& partition = model.topics["orders"].partitions[0];
  partition.restarted = {kOne};
  EXPECT_FALSE(model.has_unwritten_doubts(kOne));
  partition.doubted = {kOne};
  EXPECT_TRUE(model.has_unwritten_doubts(kOne));
  EXPECT_FALSE(model.has_unwritten_doubts(kTwo));
  partition.doubted.clear();
  partition.state->last_known_eligible_leaders = {kOne};
  EXPECT_TRUE(partition.is_in_doubt(kOne));
  EXPECT_FALSE(model.has_unwritten_doubts(kOne));
}

}  // namespace
}  // namespace ottla::controller
