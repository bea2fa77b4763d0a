#include <gmock/gmock.h>

#include <limits>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/api_versions.h"
#include "common/protocol/messages/describe_cluster.h"
#include "common/protocol/messages/describe_topic_partitions.h"
#include "common/protocol/messages/metadata.h"

namespace ottla::api {
namespace {

using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;
using protocol::DescribeClusterRequest;
using protocol::DescribeClusterResponse;
using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;
using protocol::MetadataRequest;
using protocol::MetadataResponse;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ApiVersionsHandler : public ApiFixture {};
class MetadataHandler : public ApiFixture {};
class DescribeClusterHandler : public ApiFixture {};
class DescribeTopicPartitionsHandler : public ApiFixture {};

MetadataRequest about(const std::vector<std::string>& topics, bool create = false) {
  MetadataRequest request;
  for (const std::string& topic : topics) request.topics->push_back({{}, topic});
  request.allow_auto_topic_creation = create;
  return request;
}

MetadataRequest about_id(TopicId id) {
  MetadataRequest request;
  request.topics->push_back({id, std::nullopt});
  return request;
}

TEST_F(ApiVersionsHandler, TellsWhatIsServed) {
  ApiVersionsRequest request;
  for (std::int16_t version = 0; version <= 2; ++version) {
    const auto response = ask<ApiVersionsResponse>(request, version);
    EXPECT_EQ(response.error_code, ErrorCode::None);
    EXPECT_GE(response.api_keys.size(), 10U);
  }
}

TEST_F(ApiVersionsHandler, KeepsTheNameOfTheClientSoftware) {
  ApiVersionsRequest request{"apache-kafka-java", "3.9.1"};
  EXPECT_EQ(ask<ApiVersionsResponse>(request, 3).error_code, ErrorCode::None);
  EXPECT_EQ(connection->software_name, "apache-kafka-java");
  EXPECT_EQ(connection->software_version, "3.9.1");
}

TEST_F(ApiVersionsHandler, RefusesNamesThatNoSoftwareHas) {
  for (const auto& [name, software_version] : std::vector<std::pair<std::string, std::string>>{
           {"", "1"}, {"a", ""}, {"-a", "1"}, {"a.", "1"}, {"a b", "1"}, {"a", "1\n"}}) {
    const auto response = ask<ApiVersionsResponse>(ApiVersionsRequest{name, software_version}, 4);
    EXPECT_EQ(response.error_code, ErrorCode::InvalidRequest) << name;
    EXPECT_THAT(response.api_keys, IsEmpty());
  }
}

TEST_F(ApiVersionsHandler, AnswersAVersionThatItDoesNotKnowInTheFormatOfVersion0) {
  // Key 18, version 9, correlation id 42, client id "x", no tags; a body of later days.
  const std::string frame("\x00\x12\x00\x09\x00\x00\x00\x2a\x00\x01x\x00\x05later", 17);
  const auto response = read<ApiVersionsResponse>(*send_bytes(as_bytes(frame)), 0);
  EXPECT_EQ(response.error_code, ErrorCode::UnsupportedVersion);
  ASSERT_THAT(response.api_keys, SizeIs(1));
  EXPECT_EQ(response.api_keys[0].api_key, 18);
  EXPECT_EQ(response.api_keys[0].min_version, 0);
  EXPECT_EQ(response.api_keys[0].max_version, 4);
}

/// A topic whose only partition is led by broker 2, which has broker epoch 20.
class HeldMetadata : public ApiFixture {
 protected:
  HeldMetadata() {
    peer_proof = &peers;
    lead(2);
  }
  void lead(int leader, std::vector<int> isr = {2, 3}) {
    rpc::ClusterUpdate update;
    update.live_brokers = {broker(1, "a"), broker(2, "b"), broker(3, "c")};
    for (cluster::Broker& live : *update.live_brokers) {
      live.epoch = BrokerEpoch(live.id.value() * 10);
    }
    rpc::PartitionUpdate partition;
    partition.assignment.replicas = {BrokerId(2), BrokerId(3)};
    partition.state.leader = BrokerId(leader);
    for (const int member : isr) partition.state.isr.push_back(BrokerId(member));
    update.topics = {{"led", TopicId(7, 7), {partition}}};
    metadata.publish(metadata.told_image()->apply(update));
  }
  BrokerId leader_told(const Outcome& outcome) {
    const auto response = read<MetadataResponse>(outcome, 9);
    return response.topics.at(0).partitions.at(0).leader_id;
  }
  FakePeerProof peers;
};

TEST_F(HeldMetadata, AsksTheLeadersOfTheNamedTopicsWhetherTheyLive) {
  const auto outcome = send(about({"led"}), 9);
  EXPECT_EQ(outcome->kind, Outcome::Kind::Waiting);
  EXPECT_THAT(peers.confirmed, ElementsAre(BrokerId(2)));
  peers.go_on();
  loop.run();
  EXPECT_EQ(leader_told(*outcome), BrokerId(2));
}

TEST_F(HeldMetadata, WaitsForTheSuccessorOfADeadLeader) {
  const auto outcome = send(about({"led"}), 9);
  metadata.set_dead(BrokerId(2), BrokerEpoch(20), true);
  peers.go_on();
  loop.run();
  EXPECT_EQ(outcome->kind, Outcome::Kind::Waiting);
  lead(3);
  peers.go_on();
  loop.run();
  EXPECT_EQ(leader_told(*outcome), BrokerId(3));
}

TEST_F(HeldMetadata, GivesUpAfterAWhile) {
  const auto outcome = send(about({"led"}), 9);
  metadata.set_dead(BrokerId(2), BrokerEpoch(20), true);
  peers.go_on();
  loop.run();
  clock.advance_to(peers.awaited_until);
  peers.go_on();
  loop.run();
  const auto response = read<MetadataResponse>(*outcome, 9);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).error_code, ErrorCode::LeaderNotAvailable);
}

/// A client that comes back from the new leader to the old one gets OUT_OF_ORDER_SEQUENCE_NUMBER,
/// which ends an idempotent producer.
TEST_F(HeldMetadata, WhoIsCutOffDoesNotSayThatItLeads) {
  lead(1, {1, 2});
  for (const bool in_reach : {true, false}) {
    peers.in_reach = in_reach;
    const auto outcome = send(about({"led"}), 9);
    loop.run();
    EXPECT_EQ(leader_told(*outcome), in_reach ? BrokerId(1) : kNoBroker);
  }
}

/// Nobody else can have been elected.
TEST_F(HeldMetadata, WhoIsCutOffStillLeadsWhatItHasAlone) {
  lead(1, {1});
  peers.in_reach = false;
  const auto outcome = send(about({"led"}), 9);
  loop.run();
  EXPECT_EQ(leader_told(*outcome), BrokerId(1));
}

TEST_F(HeldMetadata, AQuestionThatNamesNoTopicIsAnsweredAtOnce) {
  MetadataRequest all;
  all.topics = std::nullopt;
  EXPECT_EQ(send(all, 9)->kind, Outcome::Kind::Answered);
}

TEST_F(MetadataHandler, DescribesATopicInEveryVersion) {
  for (std::int16_t version = 0; version <= 12; ++version) {
    const auto response = ask<MetadataResponse>(about({"orders"}, version < 4), version);
    ASSERT_THAT(response.topics, SizeIs(1)) << version;
    EXPECT_EQ(response.topics[0].error_code, ErrorCode::None);
    EXPECT_EQ(response.topics[0].name, "orders");
    ASSERT_THAT(response.topics[0].partitions, SizeIs(3));
    ASSERT_THAT(response.brokers, SizeIs(2));
    EXPECT_EQ(response.brokers[0].host, "host1");
    EXPECT_EQ(response.brokers[0].port, 9093);
    if (version >= 1) {
      EXPECT_EQ(response.controller_id, BrokerId(2));
    }
    if (version >= 2) {
      EXPECT_EQ(response.cluster_id, "cluster-1");
    }
    if (version >= 10) {
      EXPECT_EQ(response.topics[0].topic_id, TopicId(1, 1));
    }
  }
}

TEST_F(MetadataHandler, TellsWhoLeadsAndWhoIsMissing) {
  const auto partitions = ask<MetadataResponse>(about({"orders"}), 12).topics[0].partitions;
  EXPECT_EQ(partitions[0].error_code, ErrorCode::None);
  EXPECT_EQ(partitions[0].leader_id, BrokerId(1));
  EXPECT_EQ(partitions[0].leader_epoch, LeaderEpoch(11));
  EXPECT_EQ(partitions[1].leader_id, BrokerId(2));
  EXPECT_EQ(partitions[2].error_code, ErrorCode::LeaderNotAvailable);
  EXPECT_EQ(partitions[2].leader_id, kNoBroker);
  EXPECT_THAT(partitions[2].replica_nodes, ElementsAre(BrokerId(3), BrokerId(1)));
  EXPECT_THAT(partitions[2].offline_replicas, ElementsAre(BrokerId(3)));
}

TEST_F(MetadataHandler, HidesDeadReplicasFromVersion0) {
  const auto partitions = ask<MetadataResponse>(about({"orders"}, true), 0).topics[0].partitions;
  EXPECT_THAT(partitions[2].replica_nodes, ElementsAre(BrokerId(1)));
}

TEST_F(MetadataHandler, TheListenerOfTheRequestDecidesTheEndpoints) {
  connection->listener = "INTERNAL";
  const auto response = ask<MetadataResponse>(about({}), 9);
  ASSERT_THAT(response.brokers, SizeIs(2));
  EXPECT_EQ(response.brokers[1].host, "inside2");
  EXPECT_EQ(response.brokers[1].port, 9194);

  connection->listener = "OTHER";
  const auto other = ask<MetadataResponse>(about({"orders"}), 9);
  EXPECT_THAT(other.brokers, IsEmpty());
  EXPECT_EQ(other.topics[0].partitions[0].error_code, ErrorCode::ListenerNotFound);
  EXPECT_EQ(ask<MetadataResponse>(about({"orders"}), 5).topics[0].partitions[0].error_code,
            ErrorCode::LeaderNotAvailable);
}

TEST_F(MetadataHandler, AllTopicsAreAskedForByNullAndInVersion0ByNone) {
  MetadataRequest all;
  all.topics.reset();
  EXPECT_THAT(ask<MetadataResponse>(all, 1).topics, SizeIs(1));
  EXPECT_THAT(ask<MetadataResponse>(about({}, true), 0).topics, SizeIs(1));
  EXPECT_THAT(ask<MetadataResponse>(about({}, true), 1).topics, IsEmpty());
}

TEST_F(MetadataHandler, FindsTopicsById) {
  const auto known = ask<MetadataResponse>(about_id(TopicId(1, 1)), 12);
  ASSERT_THAT(known.topics, SizeIs(1));
  EXPECT_EQ(known.topics[0].name, "orders");

  const auto unknown = ask<MetadataResponse>(about_id(TopicId(9, 9)), 12);
  ASSERT_THAT(unknown.topics, SizeIs(1));
  EXPECT_EQ(unknown.topics[0].error_code, ErrorCode::UnknownTopicId);
  EXPECT_EQ(unknown.topics[0].name, std::nullopt);
  EXPECT_EQ(unknown.topics[0].topic_id, TopicId(9, 9));
}

TEST_F(MetadataHandler, RefusesIdsBeforeVersion12) {
  const auto response = ask<MetadataResponse>(about_id(TopicId(1, 1)), 11);
  ASSERT_THAT(response.topics, SizeIs(1));
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::InvalidRequest);
  EXPECT_THAT(response.brokers, IsEmpty());
}

TEST_F(MetadataHandler, NamesATopicOnceHoweverOftenItIsAskedFor) {
  EXPECT_THAT(ask<MetadataResponse>(about({"orders", "orders"}), 12).topics, SizeIs(1));
}

TEST_F(MetadataHandler, CreatesUnknownTopicsOnce) {
  for (int i = 0; i < 3; ++i) {
    const auto response = ask<MetadataResponse>(about({"fresh"}, true), 12);
    EXPECT_EQ(response.topics[0].error_code, ErrorCode::LeaderNotAvailable);
  }
  ASSERT_THAT(controller.auto_created, SizeIs(1));
  EXPECT_EQ(controller.auto_created[0].name, "fresh");
  EXPECT_EQ(controller.auto_created[0].partitions, 1);

  std::move(controller.auto_done[0])({{"fresh", {}, ErrorCode::TopicAlreadyExists, ""}});
  (void)ask<MetadataResponse>(about({"fresh"}, true), 12);  // only its effect is looked at
  EXPECT_THAT(controller.auto_created, SizeIs(2));
}

TEST_F(MetadataHandler, CreatesNothingWhenNotAllowed) {
  EXPECT_EQ(ask<MetadataResponse>(about({"fresh"}, false), 12).topics[0].error_code,
            ErrorCode::UnknownTopicOrPartition);
  EXPECT_EQ(ask<MetadataResponse>(about({"bad/name"}, true), 12).topics[0].error_code,
            ErrorCode::InvalidTopicException);
  EXPECT_EQ(ask<MetadataResponse>(about({"__transaction_state"}, true), 12).topics[0].error_code,
            ErrorCode::UnknownTopicOrPartition);
  EXPECT_EQ(ask<MetadataResponse>(about({"__consumer_offsets"}, true), 12).topics[0].error_code,
            ErrorCode::InvalidReplicationFactor)
      << "two brokers live, offsets.topic.replication.factor is 3";
  EXPECT_THAT(controller.auto_created, IsEmpty());
}

TEST_F(MetadataHandler, TellsAuthorizedOperationsWhenAsked) {
  MetadataRequest request = about({"orders"});
  constexpr std::int32_t kNotAsked = std::numeric_limits<std::int32_t>::min();
  auto response = ask<MetadataResponse>(request, 8);
  EXPECT_EQ(response.cluster_authorized_operations, kNotAsked);
  EXPECT_EQ(response.topics[0].topic_authorized_operations, kNotAsked);
  request.include_cluster_authorized_operations = true;
  request.include_topic_authorized_operations = true;
  response = ask<MetadataResponse>(request, 8);
  EXPECT_EQ(response.cluster_authorized_operations, 0x1fa0);
  EXPECT_EQ(response.topics[0].topic_authorized_operations, 0x0df8);
}

TEST_F(DescribeClusterHandler, TellsBrokersAndController) {
  for (std::int16_t version = 0; version <= 1; ++version) {
    const auto response = ask<DescribeClusterResponse>(DescribeClusterRequest{}, version);
    EXPECT_EQ(response.cluster_id, "cluster-1");
    EXPECT_EQ(response.controller_id, BrokerId(2));
    ASSERT_THAT(response.brokers, SizeIs(2));
    EXPECT_EQ(response.brokers[0].rack, "rack-a");
  }
}

TEST_F(DescribeClusterHandler, HasNoControllerEndpoints) {
  EXPECT_EQ(ask<DescribeClusterResponse>(DescribeClusterRequest{false, 2}, 1).error_code,
            ErrorCode::MismatchedEndpointType);
  EXPECT_EQ(ask<DescribeClusterResponse>(DescribeClusterRequest{false, 9}, 1).error_code,
            ErrorCode::UnsupportedEndpointType);
}

TEST_F(DescribeTopicPartitionsHandler, GoesOnFromTheCursor) {
  DescribeTopicPartitionsRequest request;
  request.topics = {{"orders"}, {"absent"}};
  request.response_partition_limit = 2;
  auto response = ask<DescribeTopicPartitionsResponse>(request, 0);
  ASSERT_THAT(response.topics, SizeIs(2));
  EXPECT_EQ(response.topics[0].name, "absent");
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::UnknownTopicOrPartition);
  EXPECT_THAT(response.topics[1].partitions, SizeIs(2));
  ASSERT_TRUE(response.next_cursor.has_value());
  EXPECT_EQ(response.next_cursor->topic_name, "orders");
  EXPECT_EQ(response.next_cursor->partition_index, 2);

  request.cursor = {response.next_cursor->topic_name, response.next_cursor->partition_index};
  response = ask<DescribeTopicPartitionsResponse>(request, 0);
  ASSERT_THAT(response.topics, SizeIs(1));
  ASSERT_THAT(response.topics[0].partitions, SizeIs(1));
  EXPECT_EQ(response.topics[0].partitions[0].partition_index, 2);
  EXPECT_FALSE(response.next_cursor.has_value());
}

}  // namespace
}  // namespace ottla::api
