#include "cli/cluster_state.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace ottla::cli {
namespace {

using testing::HasSubstr;

protocol::MetadataResponse::Topic::Partition partition(std::int32_t number, std::int32_t leader,
                                                       std::vector<BrokerId> replicas,
                                                       std::vector<BrokerId> isr) {
  protocol::MetadataResponse::Topic::Partition result;
  result.partition_index = number;
  result.leader_id = BrokerId(leader);
  result.replica_nodes = std::move(replicas);
  result.isr_nodes = std::move(isr);
  return result;
}

/// Brokers 1 and 2 live, 3 is gone; one partition is well, one has lost a replica, one its leader.
protocol::MetadataResponse wounded_cluster() {
  protocol::MetadataResponse metadata;
  metadata.cluster_id = "c";
  metadata.controller_id = BrokerId(1);
  metadata.brokers = {{.node_id = BrokerId(1), .host = "a", .port = 1, .rack = std::nullopt},
                      {.node_id = BrokerId(2), .host = "b", .port = 2, .rack = "r"}};
  auto& topic = metadata.topics.emplace_back();
  topic.name = "t";
  topic.partitions = {
      partition(0, 1, {BrokerId(1), BrokerId(2)}, {BrokerId(1), BrokerId(2)}),
      partition(1, 2, {BrokerId(3), BrokerId(2)}, {BrokerId(2)}),
      partition(2, -1, {BrokerId(3)}, {BrokerId(3)}),
  };
  return metadata;
}

TEST(ClusterState, FindsWhatIsNotWell) {
  const auto state = state_from_metadata(wounded_cluster());
  EXPECT_FALSE(state.healthy());
  ASSERT_EQ(state.offline.size(), 1U);
  EXPECT_EQ(state.offline.front().partition.partition, 2);
  ASSERT_EQ(state.under_replicated.size(), 1U);
  EXPECT_EQ(state.under_replicated.front().partition.partition, 1);
  EXPECT_EQ(state.not_on_preferred_leader, 1U);
  EXPECT_EQ(state.brokers.at(2).leaders, 1U);
  EXPECT_EQ(state.brokers.at(2).in_sync, 2U);
  EXPECT_FALSE(state.brokers.at(3).registered());
  EXPECT_EQ(state.brokers.at(3).replicas, 2U);
}

TEST(ClusterState, IsHealthyWithoutTheLostBroker) {
  auto metadata = wounded_cluster();
  metadata.topics.front().partitions.resize(1);
  EXPECT_TRUE(state_from_metadata(metadata).healthy());
  metadata.controller_id = kNoBroker;
  EXPECT_FALSE(state_from_metadata(metadata).healthy());
}

// KIP-352: what a reassignment adds need not be in sync yet.
TEST(ClusterState, WhatIsBeingAddedIsNotMissed) {
  auto metadata = wounded_cluster();
  metadata.topics.front().partitions.resize(2);
  metadata.topics.front().partitions.erase(metadata.topics.front().partitions.begin());
  const AllReassigning all{
      {{"t", 1},
       {.replicas = {BrokerId(3), BrokerId(2)}, .adding = {BrokerId(3)}, .removing = {}}}};
  EXPECT_FALSE(state_from_metadata(metadata).healthy());
  EXPECT_TRUE(state_from_metadata(metadata, all).healthy());
}

TEST(ClusterState, PrintsBrokersThatAreGone) {
  std::ostringstream out;
  print(out, state_from_metadata(wounded_cluster()));
  EXPECT_THAT(out.str(), HasSubstr("Controller: 1\nBrokers: 2\n"));
  EXPECT_THAT(out.str(), HasSubstr("\tBroker: 3\tAddress: none (not registered)\tRack: none\t"));
  EXPECT_THAT(out.str(), HasSubstr("OfflinePartitions: 1\n\tTopic: t\tPartition: 2\tLeader: none"));
}

TEST(ClusterState, TakesEpochsFromZooKeeper) {
  zookeeper::ControllerOffice office;
  office.epoch = ControllerEpoch(7);
  zookeeper::ClusterNodes nodes;
  auto& broker = nodes.brokers[BrokerId(1)];
  broker.id = BrokerId(1);
  broker.epoch = BrokerEpoch(99);
  broker.endpoints = {{"PLAINTEXT", "PLAINTEXT", "a", 1}};
  auto& topic = nodes.topics["t"];
  topic.topic.name = "t";
  topic.topic.partitions = {{.replicas = {BrokerId(1)}, .adding = {}, .removing = {}},
                            {.replicas = {BrokerId(1)}, .adding = {}, .removing = {}}};
  cluster::PartitionState led;
  led.leader = BrokerId(1);
  led.isr = {BrokerId(1)};
  topic.states = {led, std::nullopt};
  nodes.topics_to_delete = {"old"};

  const auto from_zookeeper = state_from_zookeeper("c", office, nodes);
  EXPECT_EQ(from_zookeeper.controller, -1);
  EXPECT_EQ(from_zookeeper.controller_epoch, 7);
  EXPECT_EQ(from_zookeeper.brokers.at(1).epoch, 99);
  ASSERT_EQ(from_zookeeper.offline.size(), 1U);
  EXPECT_EQ(from_zookeeper.offline.front().partition.partition, 1);

  auto state = state_from_metadata(wounded_cluster());
  add_epochs(state, from_zookeeper);
  const auto json = to_json(state);
  EXPECT_EQ(json.at("controllerEpoch"), 7);
  EXPECT_EQ(json.at("brokers").at(0).at("epoch"), 99);
  EXPECT_TRUE(json.at("brokers").at(1).at("epoch").is_null());
  EXPECT_EQ(json.at("topicsBeingDeleted"), boost::json::parse("[\"old\"]"));
}

}  // namespace
}  // namespace ottla::cli
