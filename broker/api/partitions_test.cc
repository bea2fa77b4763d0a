// ElectLeaders, AlterPartitionReassignments, ListPartitionReassignments: requests to the controller
// and back.
#include <gmock/gmock.h>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/alter_partition_reassignments.h"
#include "common/protocol/messages/elect_leaders.h"
#include "common/protocol/messages/list_partition_reassignments.h"

namespace ottla::api {
namespace {

using protocol::AlterPartitionReassignmentsRequest;
using protocol::AlterPartitionReassignmentsResponse;
using protocol::ElectLeadersRequest;
using protocol::ElectLeadersResponse;
using protocol::ListPartitionReassignmentsRequest;
using protocol::ListPartitionReassignmentsResponse;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class ElectLeadersHandler : public ApiFixture {};
class ReassignmentHandlers : public ApiFixture {};

TEST_F(ElectLeadersHandler, AsksInEveryVersion) {
  controller.partitions_reply.partitions = {
      {{"orders", 1}, ErrorCode::None, ""},
      {{"payments", 0}, ErrorCode::UnknownTopicOrPartition, "no such partition"},
      {{"orders", 2}, ErrorCode::ElectionNotNeeded, ""}};
  for (std::int16_t version = 0; version <= 2; ++version) {
    ElectLeadersRequest request;
    if (version >= 1) request.election_type = 1;
    request.topic_partitions = {{"orders", {1, 2}}, {"payments", {0}}};
    request.timeout_ms = 1'500;
    const auto response = ask<ElectLeadersResponse>(request, version);
    // KIP-460 came with version 1: before it there was only one kind.
    EXPECT_EQ(controller.last_election.kind, version == 0 ? controller::ElectionKind::Preferred
                                                          : controller::ElectionKind::Unclean);
    EXPECT_EQ(controller.last_election.timeout, std::chrono::milliseconds(1'500));
    EXPECT_THAT(*controller.last_election.partitions,
                ElementsAre(TopicPartition{"orders", 1}, TopicPartition{"orders", 2},
                            TopicPartition{"payments", 0}));
    ASSERT_THAT(response.replica_election_results, SizeIs(2));
    const auto& orders = response.replica_election_results[0];
    EXPECT_EQ(orders.topic, "orders");
    ASSERT_THAT(orders.partition_result, SizeIs(2));
    EXPECT_EQ(orders.partition_result[1].error_code, ErrorCode::ElectionNotNeeded);
    EXPECT_EQ(orders.partition_result[1].error_message, std::nullopt);
    EXPECT_EQ(response.replica_election_results[1].partition_result[0].error_message,
              "no such partition");
  }
}

TEST_F(ElectLeadersHandler, NullMeansAllPartitions) {
  ElectLeadersRequest request;
  request.topic_partitions = std::nullopt;
  (void)ask<ElectLeadersResponse>(request, 2);
  EXPECT_FALSE(controller.last_election.partitions.has_value());
}

TEST_F(ElectLeadersHandler, AnUnknownKindIsRefused) {
  ElectLeadersRequest request;
  request.election_type = 7;
  EXPECT_EQ(ask<ElectLeadersResponse>(request, 2).error_code, ErrorCode::InvalidRequest);
}

TEST_F(ReassignmentHandlers, AlterPassesTargetsAndCancellations) {
  controller.partitions_reply.partitions = {
      {{"orders", 0}, ErrorCode::None, ""},
      {{"orders", 3}, ErrorCode::NoReassignmentInProgress, ""}};
  AlterPartitionReassignmentsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = "orders";
  topic.partitions.push_back({0, std::vector<BrokerId>{BrokerId(4), BrokerId(2)}});
  topic.partitions.push_back({3, std::nullopt});
  const auto response = ask<AlterPartitionReassignmentsResponse>(request, 0);
  EXPECT_THAT(
      controller.last_reassignment.partitions,
      ElementsAre(controller::WantedReplicas{{"orders", 0},
                                             std::vector<BrokerId>{BrokerId(4), BrokerId(2)}},
                  controller::WantedReplicas{{"orders", 3}, std::nullopt}));
  EXPECT_EQ(response.error_code, ErrorCode::None);
  ASSERT_THAT(response.responses, SizeIs(1));
  EXPECT_EQ(response.responses[0].partitions[1].error_code, ErrorCode::NoReassignmentInProgress);
}

TEST_F(ReassignmentHandlers, OnlyTheControllerAnswers) {
  controller.partitions_reply.error = ErrorCode::NotController;
  controller.reassignments_reply.error = ErrorCode::NotController;
  EXPECT_EQ(
      ask<AlterPartitionReassignmentsResponse>(AlterPartitionReassignmentsRequest{}, 0).error_code,
      ErrorCode::NotController);
  EXPECT_EQ(
      ask<ListPartitionReassignmentsResponse>(ListPartitionReassignmentsRequest{}, 0).error_code,
      ErrorCode::NotController);
}

TEST_F(ReassignmentHandlers, ListTellsWhoComesAndGoes) {
  controller.reassignments_reply.partitions = {
      {{"orders", 0}, {{BrokerId(4), BrokerId(2), BrokerId(1)}, {BrokerId(4)}, {BrokerId(1)}}}};
  ListPartitionReassignmentsRequest request;
  request.topics.emplace().push_back({"orders", {0, 1}});
  const auto response = ask<ListPartitionReassignmentsResponse>(request, 0);
  EXPECT_THAT(*controller.last_listed,
              ElementsAre(TopicPartition{"orders", 0}, TopicPartition{"orders", 1}));
  ASSERT_THAT(response.topics, SizeIs(1));
  const auto& moving = response.topics[0].partitions.at(0);
  EXPECT_THAT(moving.replicas, ElementsAre(BrokerId(4), BrokerId(2), BrokerId(1)));
  EXPECT_THAT(moving.adding_replicas, ElementsAre(BrokerId(4)));
  EXPECT_THAT(moving.removing_replicas, ElementsAre(BrokerId(1)));
  (void)ask<ListPartitionReassignmentsResponse>(
      ListPartitionReassignmentsRequest{.topics = std::nullopt}, 0);
  EXPECT_FALSE(controller.last_listed.has_value());
}

}  // namespace
}  // namespace ottla::api
