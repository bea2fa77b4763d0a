#include "cli/group_client.h"

#include <algorithm>
#include <thread>

#include "common/protocol/messages/consumer_protocol.h"
#include "common/protocol/messages/delete_groups.h"
#include "common/protocol/messages/describe_groups.h"
#include "common/protocol/messages/describe_health.h"
#include "common/protocol/messages/find_coordinator.h"
#include "common/protocol/messages/list_groups.h"
#include "common/protocol/messages/offset_commit.h"
#include "common/protocol/messages/offset_delete.h"
#include "common/protocol/messages/offset_fetch.h"

namespace ottla::cli {
namespace {

using protocol::ApiKey;

constexpr std::chrono::milliseconds kPause{100};

bool may_pass(ErrorCode error) {
  return error == ErrorCode::CoordinatorLoadInProgress ||
         error == ErrorCode::CoordinatorNotAvailable || error == ErrorCode::NotCoordinator;
}

Result<> check(ErrorCode error) {
  if (error == ErrorCode::None) return {};
  return fail(error, std::string(text_of(error)) + " (" + std::string(name_of(error)) + ")");
}

/// What a consumer's assignment says; other protocols' bytes are their own.
std::vector<TopicPartition> assigned_partitions(const std::string& protocol_type, ByteView bytes) {
  std::vector<TopicPartition> partitions;
  if (protocol_type != "consumer" || bytes.size() < sizeof(std::int16_t)) return partitions;
  const auto version = load_big_endian<std::int16_t>(bytes.data());
  if (version < 0) return partitions;
  const auto decoded = protocol::decode<protocol::ConsumerProtocolAssignment>(
      bytes.subspan(sizeof(std::int16_t)),
      protocol::ApiVersion(
          std::min(version, protocol::ConsumerProtocolAssignment::kVersions.last)));
  if (!decoded) return partitions;
  for (const auto& topic : decoded->assigned_partitions) {
    for (const std::int32_t partition : topic.partitions) {
      partitions.push_back({topic.topic, partition});
    }
  }
  std::ranges::sort(partitions);
  return partitions;
}

/// Of group::OffsetEnd.
std::string_view text_of_offset_end(std::int8_t why) {
  static constexpr std::string_view kTexts[] = {"expired", "deleted", "group deleted"};
  const auto number = static_cast<std::size_t>(why);
  return why >= 0 && number < std::size(kTexts) ? kTexts[number] : "something newer";
}

template <class Topics>
auto& topic_of(Topics& topics, const std::string& name) {
  if (topics.empty() || topics.back().name != name) topics.emplace_back().name = name;
  return topics.back();
}

}  // namespace

Result<GroupClient::Coordinator> GroupClient::find_coordinator(const std::string& group) {
  protocol::FindCoordinatorRequest request;
  const bool batched = client_.serves(ApiKey::FindCoordinator, 4);
  if (batched) {
    request.coordinator_keys = {group};
  } else {
    request.key = group;
  }
  OTTLA_TRY(const auto response, client_.ask<protocol::FindCoordinatorResponse>(request));
  if (!batched) {
    OTTLA_TRY_VOID(check(response.error_code));
    return Coordinator{response.node_id, response.host, response.port};
  }
  if (response.coordinators.empty()) return fail(ErrorCode::CoordinatorNotAvailable);
  const auto& found = response.coordinators.front();
  OTTLA_TRY_VOID(check(found.error_code));
  return Coordinator{found.node_id, found.host, found.port};
}

template <class F>
auto GroupClient::with_coordinator(const std::string& group, F ask)
    -> decltype(ask(std::declval<const Coordinator&>())) {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  while (true) {
    const auto attempt = [&]() -> decltype(ask(std::declval<const Coordinator&>())) {
      OTTLA_TRY(const Coordinator coordinator, find_coordinator(group));
      return ask(coordinator);
    };
    auto outcome = attempt();
    if (outcome || !may_pass(outcome.error().code()) ||
        std::chrono::steady_clock::now() + kPause > deadline) {
      return outcome;
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<std::vector<GroupListing>> GroupClient::list(const std::vector<std::string>& states) {
  OTTLA_TRY(const auto metadata, client_.metadata(std::vector<std::string>{}));
  protocol::ListGroupsRequest request;
  if (client_.serves(ApiKey::ListGroups, 4)) request.states_filter = states;
  std::vector<GroupListing> groups;
  for (const auto& broker : metadata.brokers) {
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    while (true) {
      OTTLA_TRY(auto response, client_.ask<protocol::ListGroupsResponse>(broker.node_id, request));
      const bool later =
          may_pass(response.error_code) && std::chrono::steady_clock::now() + kPause < deadline;
      if (later) {
        std::this_thread::sleep_for(kPause);
        continue;
      }
      OTTLA_TRY_VOID(check(response.error_code));
      for (auto& group : response.groups) {
        groups.push_back({std::move(group.group_id), std::move(group.protocol_type),
                          std::move(group.group_state), std::move(group.group_type)});
      }
      break;
    }
  }
  std::ranges::sort(groups, {}, &GroupListing::group);
  return groups;
}

Result<GroupView> GroupClient::describe(const std::string& group) {
  OTTLA_TRY([[maybe_unused]] const auto brokers, client_.metadata(std::vector<std::string>{}));
  return with_coordinator(group, [&](const Coordinator& coordinator) -> Result<GroupView> {
    protocol::DescribeGroupsRequest request;
    request.groups = {group};
    OTTLA_TRY(const auto response,
              client_.ask<protocol::DescribeGroupsResponse>(coordinator.id, request));
    if (response.groups.empty()) return fail(ErrorCode::UnknownServerError, "no answer");
    const auto& described = response.groups.front();
    OTTLA_TRY_VOID(check(described.error_code));
    GroupView view{.group = group,
                   .state = described.group_state,
                   .protocol_type = described.protocol_type,
                   .protocol = described.protocol_data,
                   .coordinator = coordinator.id,
                   .coordinator_host = coordinator.host,
                   .coordinator_port = coordinator.port,
                   .members = {}};
    for (const auto& member : described.members) {
      view.members.push_back(
          {.id = member.member_id,
           .instance_id = member.group_instance_id.value_or(""),
           .client_id = member.client_id,
           .client_host = member.client_host,
           .assigned = assigned_partitions(view.protocol_type, member.member_assignment)});
    }
    return view;
  });
}

Result<std::map<TopicPartition, std::int64_t>> GroupClient::offsets(const std::string& group) {
  using Offsets = std::map<TopicPartition, std::int64_t>;
  return with_coordinator(group, [&](const Coordinator& coordinator) -> Result<Offsets> {
    protocol::OffsetFetchRequest request;
    const bool batched = client_.serves(ApiKey::OffsetFetch, 8);
    if (batched) {
      auto& asked = request.groups.emplace_back();
      asked.group_id = group;
      asked.topics.reset();
    } else {
      request.group_id = group;
      request.topics.reset();
    }
    OTTLA_TRY(const auto response,
              client_.ask<protocol::OffsetFetchResponse>(coordinator.id, request));
    Offsets offsets;
    const auto take = [&](const auto& topics) -> Result<> {
      for (const auto& topic : topics) {
        for (const auto& partition : topic.partitions) {
          OTTLA_TRY_VOID(check(partition.error_code));
          if (partition.committed_offset.value() < 0) continue;
          offsets[{topic.name, partition.partition_index}] = partition.committed_offset.value();
        }
      }
      return {};
    };
    OTTLA_TRY_VOID(check(response.error_code));
    OTTLA_TRY_VOID(take(response.topics));
    for (const auto& answered : response.groups) {
      OTTLA_TRY_VOID(check(answered.error_code));
      OTTLA_TRY_VOID(take(answered.topics));
    }
    return offsets;
  });
}

Result<> GroupClient::commit(const std::string& group,
                             const std::map<TopicPartition, std::int64_t>& offsets) {
  std::map<TopicPartition, OffsetToCommit> wanted;
  for (const auto& [partition, offset] : offsets) wanted[partition] = {.offset = offset};
  return commit(group, wanted);
}

Result<> GroupClient::commit(const std::string& group,
                             const std::map<TopicPartition, OffsetToCommit>& offsets) {
  return with_coordinator(group, [&](const Coordinator& coordinator) -> Result<> {
    protocol::OffsetCommitRequest request;
    request.group_id = group;
    for (const auto& [partition, offset] : offsets) {
      auto& asked = topic_of(request.topics, partition.topic).partitions.emplace_back();
      asked.partition_index = partition.partition;
      asked.committed_offset = Offset(offset.offset);
      asked.committed_leader_epoch = LeaderEpoch(offset.leader_epoch);
      if (!offset.metadata.empty()) asked.committed_metadata = offset.metadata;
    }
    OTTLA_TRY(const auto response,
              client_.ask<protocol::OffsetCommitResponse>(coordinator.id, request));
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) OTTLA_TRY_VOID(check(partition.error_code));
    }
    return {};
  });
}

Result<std::vector<EndedOffsetView>> GroupClient::ended_offsets(const std::string& group) {
  using Views = std::vector<EndedOffsetView>;
  return with_coordinator(group, [&](const Coordinator& coordinator) -> Result<Views> {
    protocol::DescribeHealthRequest request;
    request.groups = {group};
    OTTLA_TRY(const auto response,
              client_.ask<protocol::DescribeHealthResponse>(coordinator.id, request));
    if (response.groups.empty()) return fail(ErrorCode::UnknownServerError, "no answer");
    OTTLA_TRY_VOID(check(response.groups.front().error_code));
    Views views;
    for (const auto& ended : response.groups.front().ended_offsets) {
      views.push_back({.partition = {ended.topic, ended.partition},
                       .offset = ended.offset.value(),
                       .leader_epoch = ended.leader_epoch.value(),
                       .metadata = ended.metadata,
                       .ended_ms = ended.ended_ms,
                       .kept_until_ms = ended.kept_until_ms,
                       .why = std::string(text_of_offset_end(ended.why))});
    }
    std::ranges::sort(views, {}, &EndedOffsetView::partition);
    return views;
  });
}

Result<> GroupClient::remove(const std::string& group) {
  return with_coordinator(group, [&](const Coordinator& coordinator) -> Result<> {
    protocol::DeleteGroupsRequest request;
    request.groups_names = {group};
    OTTLA_TRY(const auto response,
              client_.ask<protocol::DeleteGroupsResponse>(coordinator.id, request));
    for (const auto& result : response.results) OTTLA_TRY_VOID(check(result.error_code));
    return {};
  });
}

Result<std::vector<DeletedPartition>> GroupClient::remove_offsets(
    const std::string& group, const std::set<TopicPartition>& partitions) {
  using Outcomes = std::vector<DeletedPartition>;
  return with_coordinator(group, [&](const Coordinator& coordinator) -> Result<Outcomes> {
    protocol::OffsetDeleteRequest request;
    request.group_id = group;
    for (const TopicPartition& partition : partitions) {
      topic_of(request.topics, partition.topic).partitions.emplace_back().partition_index =
          partition.partition;
    }
    OTTLA_TRY(const auto response,
              client_.ask<protocol::OffsetDeleteResponse>(coordinator.id, request));
    OTTLA_TRY_VOID(check(response.error_code));
    Outcomes outcomes;
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        outcomes.push_back({{topic.name, partition.partition_index}, partition.error_code});
      }
    }
    return outcomes;
  });
}

Result<std::vector<TopicPartition>> GroupClient::partitions(const std::string& topic) {
  OTTLA_TRY(const auto metadata, client_.metadata({topic}));
  std::vector<TopicPartition> partitions;
  for (const auto& described : metadata.topics) {
    if (described.error_code == ErrorCode::UnknownTopicOrPartition) {
      return fail(described.error_code, "topic " + topic + " does not exist");
    }
    for (const auto& partition : described.partitions) {
      partitions.push_back({topic, partition.partition_index});
    }
  }
  std::ranges::sort(partitions);
  return partitions;
}

}  // namespace ottla::cli
