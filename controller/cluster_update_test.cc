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
  partition.doubts = {{kOne, true}};
  EXPECT_EQ(leader_told_to(model, kOne), kNoBroker);
  EXPECT_EQ(leader_told_to(model, kTwo), kOne);
  std::swap(partition.doubts, partition.doubts_in_write);
  EXPECT_EQ(leader_told_to(model, kOne), kNoBroker);
}

TEST(ClusterUpdate, AHostCrashIsUnsettledWhileACopyIsInDoubt) {
  ClusterModel model = make_model();
  PartitionEntry& partition = model.topics["orders"].partitions[0];
  partition.doubts = {{kOne, false}};
  EXPECT_FALSE(model.doubts_after_host_crash(kOne));
  partition.doubts = {{kOne, true}};
  EXPECT_TRUE(model.doubts_after_host_crash(kOne));
  EXPECT_FALSE(model.doubts_after_host_crash(kTwo));
  std::swap(partition.doubts, partition.doubts_in_write);
  EXPECT_TRUE(model.doubts_after_host_crash(kOne));
}

}  // namespace
}  // namespace ottla::controller
