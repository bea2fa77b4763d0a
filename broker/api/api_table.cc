#include "broker/api/api_table.h"

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::ApiKey;

constexpr ServedApi kServed[] = {
    {ApiKey::Produce, {0, 11}, handle_produce, Authorization::WriteTopics, QuotaClass::Produce},
    {ApiKey::Fetch, {0, 17}, handle_fetch, Authorization::ReadTopics, QuotaClass::Fetch},
    {ApiKey::ListOffsets,
     {0, 9},
     handle_list_offsets,
     Authorization::EachTopic,
     QuotaClass::Request},
    {ApiKey::Metadata, {0, 12}, handle_metadata, Authorization::EachTopic, QuotaClass::Request},
    {ApiKey::OffsetCommit,
     {0, 9},
     handle_offset_commit,
     Authorization::ReadGroup,
     QuotaClass::Request},
    {ApiKey::OffsetFetch,
     {0, 9},
     handle_offset_fetch,
     Authorization::DescribeGroup,
     QuotaClass::Request},
    {ApiKey::FindCoordinator,
     {0, 6},
     handle_find_coordinator,
     Authorization::DescribeGroup,
     QuotaClass::Request},
    {ApiKey::JoinGroup, {0, 9}, handle_join_group, Authorization::ReadGroup, QuotaClass::Request},
    {ApiKey::Heartbeat, {0, 4}, handle_heartbeat, Authorization::ReadGroup, QuotaClass::Request},
    {ApiKey::LeaveGroup, {0, 5}, handle_leave_group, Authorization::ReadGroup, QuotaClass::Request},
    {ApiKey::SyncGroup, {0, 5}, handle_sync_group, Authorization::ReadGroup, QuotaClass::Request},
    {ApiKey::DescribeGroups,
     {0, 5},
     handle_describe_groups,
     Authorization::DescribeGroup,
     QuotaClass::Request},
    {ApiKey::ListGroups,
     {0, 5},
     handle_list_groups,
     Authorization::DescribeGroup,
     QuotaClass::Request},
    {ApiKey::ApiVersions, {0, 4}, handle_api_versions, Authorization::None, QuotaClass::Request},
    {ApiKey::CreateTopics,
     {0, 7},
     handle_create_topics,
     Authorization::CreateTopics,
     QuotaClass::ControllerMutation},
    {ApiKey::DeleteTopics,
     {0, 6},
     handle_delete_topics,
     Authorization::DeleteTopics,
     QuotaClass::ControllerMutation},
    {ApiKey::DeleteRecords,
     {0, 2},
     handle_delete_records,
     Authorization::DeleteTopics,
     QuotaClass::Request},
    {ApiKey::InitProducerId,
     {0, 5},
     handle_init_producer_id,
     Authorization::IdempotentWrite,
     QuotaClass::Request},
    {ApiKey::OffsetForLeaderEpoch,
     {0, 4},
     handle_offset_for_leader_epoch,
     Authorization::EachTopic,
     QuotaClass::Request},
    {ApiKey::DescribeConfigs,
     {0, 4},
     handle_describe_configs,
     Authorization::DescribeConfigs,
     QuotaClass::Request},
    {ApiKey::AlterReplicaLogDirs,
     {0, 2},
     handle_alter_replica_log_dirs,
     Authorization::AlterCluster,
     QuotaClass::Request},
    {ApiKey::DescribeLogDirs,
     {0, 4},
     handle_describe_log_dirs,
     Authorization::DescribeCluster,
     QuotaClass::Request},
    {ApiKey::CreatePartitions,
     {0, 3},
     handle_create_partitions,
     Authorization::AlterTopics,
     QuotaClass::ControllerMutation},
    {ApiKey::DeleteGroups,
     {0, 2},
     handle_delete_groups,
     Authorization::DeleteGroup,
     QuotaClass::Request},
    {ApiKey::OffsetDelete,
     {0, 0},
     handle_offset_delete,
     Authorization::DeleteGroup,
     QuotaClass::Request},
    {ApiKey::DescribeCluster,
     {0, 1},
     handle_describe_cluster,
     Authorization::DescribeCluster,
     QuotaClass::Request},
    {ApiKey::DescribeTopicPartitions,
     {0, 0},
     handle_describe_topic_partitions,
     Authorization::EachTopic,
     QuotaClass::Request},
};

}  // namespace

std::span<const ServedApi> served_apis() {
  return kServed;
}

const ServedApi* find_served(std::int16_t key, protocol::ApiVersion version) {
  for (const ServedApi& api : kServed) {
    if (static_cast<std::int16_t>(api.key) == key) {
      return api.versions.contains(version) ? &api : nullptr;
    }
  }
  return nullptr;
}

}  // namespace ottla::api
