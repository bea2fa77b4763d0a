// The APIs of consumer groups, in all their versions.
#include <gmock/gmock.h>

#include "broker/api/testing/api_fixture.h"
#include "common/protocol/messages/delete_groups.h"
#include "common/protocol/messages/describe_groups.h"
#include "common/protocol/messages/describe_health.h"
#include "common/protocol/messages/find_coordinator.h"
#include "common/protocol/messages/list_groups.h"
#include "common/protocol/messages/offset_commit.h"
#include "common/protocol/messages/offset_delete.h"
#include "common/protocol/messages/offset_fetch.h"

namespace ottla::api {
namespace {

using namespace protocol;  // NOLINT(google-build-using-namespace): every message is of it
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class GroupHandlers : public ApiFixture {
 protected:
  JoinGroupResponse join(const std::string& group, std::int16_t version,
                         const std::string& member_id = "") {
    JoinGroupRequest request;
    request.group_id = group;
    request.session_timeout_ms = 10'000;
    request.member_id = member_id;
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", as_bytes("mine")});
    return ask<JoinGroupResponse>(request, version);
  }
  /// The only member, with its assignment.
  std::string stable(const std::string& group) {
    const std::string id = join(group, 0).member_id;
    SyncGroupRequest request;
    request.group_id = group;
    request.generation_id = 1;
    request.member_id = id;
    request.assignments.push_back({id, as_bytes("yours")});
    EXPECT_EQ(as_text(ask<SyncGroupResponse>(request, 0).assignment), "yours");
    return id;
  }
  ErrorCode commit(const std::string& group, std::int16_t version, std::int64_t offset,
                   const std::string& text = "m") {
    OffsetCommitRequest request;
    request.group_id = group;
    auto& topic = request.topics.emplace_back();
    topic.name = "orders";
    auto& partition = topic.partitions.emplace_back();
    partition.committed_offset = Offset(offset);
    partition.committed_metadata = text;
    const auto response = ask<OffsetCommitResponse>(request, version);
    return response.topics.at(0).partitions.at(0).error_code;
  }
  void publish_offsets_topic() {
    rpc::ClusterUpdate update;
    rpc::TopicUpdate topic{group::kOffsetsTopic, TopicId(3, 3), {}};
    for (std::int32_t number = 0; number < 2; ++number) {
      rpc::PartitionUpdate partition;
      partition.partition = number;
      partition.assignment.replicas = {BrokerId(number + 2)};
      partition.state.leader = BrokerId(number + 2);
      topic.partitions.push_back(partition);
    }
    update.topics.push_back(topic);
    metadata.publish(metadata.image()->apply(update));
  }
};

TEST_F(GroupHandlers, JoinInEveryVersion) {
  for (std::int16_t version = 0; version <= 9; ++version) {
    const std::string group = "g" + std::to_string(version);
    auto response = join(group, version);
    if (version >= 4) {
      ASSERT_EQ(response.error_code, ErrorCode::MemberIdRequired) << version;
      EXPECT_EQ(response.protocol_name.has_value(), version < 7);
      response = join(group, version, response.member_id);
    }
    EXPECT_EQ(response.error_code, ErrorCode::None) << version;
    EXPECT_EQ(response.generation_id, 1);
    EXPECT_EQ(response.protocol_name, "range");
    if (version >= 7) {
      EXPECT_EQ(response.protocol_type, "consumer");
    }
    ASSERT_THAT(response.members, SizeIs(1));
    EXPECT_EQ(as_text(response.members[0].metadata), "mine");

    SyncGroupRequest sync;
    sync.group_id = group;
    sync.generation_id = 1;
    sync.member_id = response.member_id;
    sync.assignments.push_back({response.member_id, as_bytes("yours")});
    const auto sync_version = static_cast<std::int16_t>(version / 2);
    EXPECT_EQ(as_text(ask<SyncGroupResponse>(sync, sync_version).assignment), "yours");
    const auto refused = ask<SyncGroupResponse>(sync, 5);
    EXPECT_EQ(refused.error_code, ErrorCode::InconsistentGroupProtocol) << "v5 must name both";
    sync.protocol_type = "consumer";
    sync.protocol_name = "range";
    EXPECT_EQ(ask<SyncGroupResponse>(sync, 5).protocol_name, "range");

    HeartbeatRequest heartbeat;
    heartbeat.group_id = group;
    heartbeat.generation_id = 1;
    heartbeat.member_id = response.member_id;
    EXPECT_EQ(ask<HeartbeatResponse>(heartbeat, sync_version).error_code, ErrorCode::None);
  }
}

TEST_F(GroupHandlers, LeaveTellsOneMemberInThePlaceOfTheRequest) {
  for (std::int16_t version = 0; version <= 5; ++version) {
    const std::string group = "g" + std::to_string(version);
    const std::string id = stable(group);
    LeaveGroupRequest request;
    request.group_id = group;
    if (version < 3) {
      request.member_id = id;
    } else {
      request.members = {{id, std::nullopt, std::nullopt}, {"x", std::nullopt, std::nullopt}};
    }
    const auto left = ask<LeaveGroupResponse>(request, version);
    EXPECT_EQ(left.error_code, ErrorCode::None) << version;
    if (version >= 3) {
      ASSERT_THAT(left.members, SizeIs(2));
      EXPECT_EQ(left.members[0].error_code, ErrorCode::None);
      EXPECT_EQ(left.members[1].error_code, ErrorCode::UnknownMemberId);
    } else {
      EXPECT_EQ(ask<LeaveGroupResponse>(request, version).error_code, ErrorCode::UnknownMemberId);
    }
  }
}

TEST_F(GroupHandlers, OffsetsAreFetchedAsTheyWereCommitted) {
  for (std::int16_t version = 1; version <= 9; ++version) {
    EXPECT_EQ(commit("g", version, 100 + version), ErrorCode::None) << version;
    OffsetFetchRequest request;
    if (version < 8) {
      request.group_id = "g";
      request.topics = std::vector<OffsetFetchRequest::Topic>{{"orders", {0, 1}}};
    } else {
      request.groups.emplace_back().group_id = "g";
      request.groups[0].topics = std::vector<OffsetFetchRequest::Group::Topic>{{"orders", {0, 1}}};
      request.groups.emplace_back().group_id = "h";
      request.groups[1].topics = std::nullopt;
    }
    const auto response = ask<OffsetFetchResponse>(request, version);
    const auto check = [&](const auto& topics) {
      ASSERT_THAT(topics, SizeIs(1));
      ASSERT_THAT(topics[0].partitions, SizeIs(2));
      EXPECT_EQ(topics[0].partitions[0].committed_offset, Offset(100 + version));
      EXPECT_EQ(topics[0].partitions[0].metadata, "m");
      EXPECT_EQ(topics[0].partitions[1].committed_offset, kUnknownOffset);
      EXPECT_EQ(topics[0].partitions[1].error_code, ErrorCode::None);
    };
    if (version < 8) {
      check(response.topics);
    } else {
      ASSERT_THAT(response.groups, SizeIs(2));
      check(response.groups[0].topics);
      EXPECT_THAT(response.groups[1].topics, IsEmpty());
    }
  }
}

TEST_F(GroupHandlers, AnOldFetchHasTheGroupsErrorAtEachPartition) {
  groups.core.resign(0);
  OffsetFetchRequest request;
  request.group_id = "g";
  request.topics = std::vector<OffsetFetchRequest::Topic>{{"orders", {0}}};
  const auto old = ask<OffsetFetchResponse>(request, 1);
  EXPECT_EQ(old.topics[0].partitions[0].error_code, ErrorCode::NotCoordinator);
  EXPECT_EQ(ask<OffsetFetchResponse>(request, 2).error_code, ErrorCode::NotCoordinator);
}

TEST_F(GroupHandlers, VersionZeroIsZooKeepers) {
  EXPECT_EQ(commit("old", 0, 7), ErrorCode::None);
  EXPECT_EQ(commit("old", 0, 8, std::string(5'000, 'x')), ErrorCode::OffsetMetadataTooLarge);
  EXPECT_THAT(groups.log.logs, IsEmpty());
  EXPECT_EQ((old_offsets.offsets[{"old", {"orders", 0}}]), Offset(7));
  OffsetFetchRequest request;
  request.group_id = "old";
  request.topics = std::vector<OffsetFetchRequest::Topic>{{"orders", {0, 1, 9}}, {"nowhere", {0}}};
  const auto response = ask<OffsetFetchResponse>(request, 0);
  EXPECT_EQ(response.topics[0].partitions[0].committed_offset, Offset(7));
  EXPECT_EQ(response.topics[0].partitions[1].error_code, ErrorCode::UnknownTopicOrPartition);
  EXPECT_EQ(response.topics[0].partitions[2].error_code, ErrorCode::UnknownTopicOrPartition);
  EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::UnknownTopicOrPartition);
}

TEST_F(GroupHandlers, CommitsForUnknownPartitionsAreRefusedOneByOne) {
  OffsetCommitRequest request;
  request.group_id = "g";
  auto& orders = request.topics.emplace_back();
  orders.name = "orders";
  orders.partitions.emplace_back().partition_index = 9;
  orders.partitions.emplace_back().partition_index = 1;
  auto& nowhere = request.topics.emplace_back();
  nowhere.name = "nowhere";
  nowhere.partitions.emplace_back();
  const auto response = ask<OffsetCommitResponse>(request, 7);
  EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::UnknownTopicOrPartition);
  EXPECT_EQ(response.topics[0].partitions[1].error_code, ErrorCode::None);
  EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::UnknownTopicOrPartition);
}

TEST_F(GroupHandlers, ARetentionTimeTravelsWithTheOffset) {
  OffsetCommitRequest request;
  request.group_id = "g";
  request.retention_time_ms = 1'000;
  auto& orders = request.topics.emplace_back();
  orders.name = "orders";
  orders.partitions.emplace_back();
  (void)ask<OffsetCommitResponse>(request, 2);
  const auto& record = groups.log.logs[0].front();
  const auto entry = group::decode_entry(as_bytes(record.key), as_bytes(*record.value));
  EXPECT_EQ(std::get<group::OffsetEntry>(**entry).committed->expire_time,
            clock.wall_now_ms() + 1'000);
}

TEST_F(GroupHandlers, DescribeAndListShowWhatThereIs) {
  const std::string id = stable("g");
  for (std::int16_t version = 0; version <= 5; ++version) {
    DescribeGroupsRequest request;
    request.groups = {"g", "none"};
    request.include_authorized_operations = version >= 3;
    const auto response = ask<DescribeGroupsResponse>(request, version);
    ASSERT_THAT(response.groups, SizeIs(2)) << version;
    EXPECT_EQ(response.groups[0].group_state, "Stable");
    EXPECT_EQ(response.groups[0].protocol_data, "range");
    ASSERT_THAT(response.groups[0].members, SizeIs(1));
    EXPECT_EQ(response.groups[0].members[0].member_id, id);
    EXPECT_EQ(response.groups[0].members[0].client_id, "test");
    EXPECT_EQ(as_text(response.groups[0].members[0].member_metadata), "mine");
    EXPECT_EQ(as_text(response.groups[0].members[0].member_assignment), "yours");
    EXPECT_EQ(response.groups[1].group_state, "Dead");

    ListGroupsRequest list;
    const auto listed = ask<ListGroupsResponse>(list, version);
    ASSERT_THAT(listed.groups, SizeIs(1));
    EXPECT_EQ(listed.groups[0].group_state, version >= 4 ? "Stable" : "");
    EXPECT_EQ(listed.groups[0].group_type, version >= 5 ? "classic" : "");
  }
  ListGroupsRequest filtered;
  filtered.types_filter = {"consumer"};
  EXPECT_THAT(ask<ListGroupsResponse>(filtered, 5).groups, IsEmpty());
  filtered.types_filter = {"CLASSIC"};
  filtered.states_filter = {"stable"};
  EXPECT_THAT(ask<ListGroupsResponse>(filtered, 5).groups, SizeIs(1));
}

TEST_F(GroupHandlers, DeleteGroupsAndOffsets) {
  EXPECT_EQ(commit("g", 5, 1), ErrorCode::None);
  stable("busy");
  OffsetDeleteRequest offsets;
  offsets.group_id = "g";
  auto& orders = offsets.topics.emplace_back();
  orders.name = "orders";
  orders.partitions = {{0}, {9}};
  const auto deleted = ask<OffsetDeleteResponse>(offsets, 0);
  EXPECT_EQ(deleted.topics[0].partitions[0].error_code, ErrorCode::None);
  EXPECT_EQ(deleted.topics[0].partitions[1].error_code, ErrorCode::UnknownTopicOrPartition);
  offsets.group_id = "none";
  EXPECT_EQ(ask<OffsetDeleteResponse>(offsets, 0).error_code, ErrorCode::GroupIdNotFound);

  EXPECT_EQ(commit("g", 5, 1), ErrorCode::None);
  for (std::int16_t version = 0; version <= 2; ++version) {
    DeleteGroupsRequest request;
    request.groups_names = {"g", "busy", "g", "none"};
    const auto response = ask<DeleteGroupsResponse>(request, version);
    ASSERT_THAT(response.results, SizeIs(3));
    EXPECT_EQ(response.results[0].error_code,
              version == 0 ? ErrorCode::None : ErrorCode::GroupIdNotFound);
    EXPECT_EQ(response.results[1].error_code, ErrorCode::NonEmptyGroup);
    EXPECT_EQ(response.results[2].error_code, ErrorCode::GroupIdNotFound);
  }
}

TEST_F(GroupHandlers, AreExplained) {
  const std::string id = stable("g");
  EXPECT_EQ(commit("old", 5, 7), ErrorCode::None);
  DeleteGroupsRequest removal;
  removal.groups_names = {"old"};
  (void)ask<DeleteGroupsResponse>(removal, 2);

  DescribeHealthRequest request;
  request.groups = {"g", "old"};
  const auto told = ask<DescribeHealthResponse>(request, 0).groups;
  ASSERT_THAT(told, SizeIs(2));
  const auto& response = told[0];
  EXPECT_EQ(response.error_code, ErrorCode::None);
  EXPECT_EQ(response.state, "Stable");
  EXPECT_EQ(response.generation, 1);
  EXPECT_EQ(response.leader, id);
  ASSERT_THAT(response.members, SizeIs(1));
  EXPECT_EQ(response.members[0].member_id, id);
  EXPECT_EQ(response.members[0].session_timeout_ms, 10'000);
  std::vector<std::int8_t> kinds;
  for (const auto& event : response.events) kinds.push_back(event.kind);
  EXPECT_THAT(kinds, ElementsAre(0, 3, 4)) << "joined, and a rebalance";
  EXPECT_EQ(response.events[0].member_id, id);
  EXPECT_THAT(response.ended_offsets, IsEmpty());

  const auto& old = told[1];
  EXPECT_EQ(old.state, "Dead");
  ASSERT_THAT(old.ended_offsets, SizeIs(1));
  EXPECT_EQ(old.ended_offsets[0].topic, "orders");
  EXPECT_EQ(old.ended_offsets[0].offset, Offset(7));
  EXPECT_EQ(old.ended_offsets[0].metadata, "m");
  EXPECT_EQ(old.ended_offsets[0].why, 2);
  EXPECT_GT(old.ended_offsets[0].kept_until_ms, old.now_ms);
}

TEST_F(GroupHandlers, FindCoordinatorNamesThePartitionsLeader) {
  publish_offsets_topic();
  // Of two partitions "a" (97) belongs to 1, "b" (98) to 0, whose leader lives.
  for (std::int16_t version = 0; version <= 6; ++version) {
    FindCoordinatorRequest request;
    if (version < 4) {
      request.key = "b";
    } else {
      request.coordinator_keys = {"b", "a"};
    }
    const auto response = ask<FindCoordinatorResponse>(request, version);
    if (version < 4) {
      EXPECT_EQ(response.error_code, ErrorCode::None) << version;
      EXPECT_EQ(response.node_id, BrokerId(2));
      EXPECT_EQ(response.host, "host2");
      EXPECT_EQ(response.port, 9094);
    } else {
      ASSERT_THAT(response.coordinators, SizeIs(2));
      EXPECT_EQ(response.coordinators[0].node_id, BrokerId(2));
      EXPECT_EQ(response.coordinators[1].error_code, ErrorCode::CoordinatorNotAvailable)
          << "broker 3 is not live";
    }
  }
}

TEST_F(GroupHandlers, FindCoordinatorHasTheTopicCreated) {
  FindCoordinatorRequest request;
  request.key = "g";
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 1).error_code,
            ErrorCode::CoordinatorNotAvailable);
  EXPECT_THAT(controller.auto_created, IsEmpty()) << "three replicas need three brokers";
  rpc::ClusterUpdate update;
  update.live_brokers = {broker(1, "a"), broker(2, "b"), broker(3, "c")};
  metadata.publish(metadata.image()->apply(update));
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 1).error_code,
            ErrorCode::CoordinatorNotAvailable);
  EXPECT_EQ(ask<FindCoordinatorResponse>(request, 1).error_code,
            ErrorCode::CoordinatorNotAvailable);
  ASSERT_THAT(controller.auto_created, SizeIs(1)) << "once";
  EXPECT_EQ(controller.auto_created[0].name, "__consumer_offsets");
  EXPECT_EQ(controller.auto_created[0].partitions, 50);
  EXPECT_EQ(controller.auto_created[0].replication_factor, 3);
  EXPECT_EQ(controller.auto_created[0].configs.at("cleanup.policy"), "compact");
}

}  // namespace
}  // namespace ottla::api
