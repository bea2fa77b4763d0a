#pragma once

#include "broker/api/call.h"

/// One function for each API that is served, each in a file of its own.
namespace ottla::api {

void handle_add_offsets_to_txn(Call call, Services& services);
void handle_add_partitions_to_txn(Call call, Services& services);
void handle_alter_configs(Call call, Services& services);
void handle_alter_partition_reassignments(Call call, Services& services);
void handle_api_versions(Call call, Services& services);
/// For a version that is not served: error 35 in the format of version 0 (KIP-511), so that a
/// newer client learns which versions it may use.
void handle_unsupported_api_versions(Call call);
void handle_alter_replica_log_dirs(Call call, Services& services);
void handle_create_partitions(Call call, Services& services);
void handle_create_topics(Call call, Services& services);
void handle_delete_groups(Call call, Services& services);
void handle_delete_records(Call call, Services& services);
void handle_delete_topics(Call call, Services& services);
void handle_describe_cluster(Call call, Services& services);
void handle_describe_configs(Call call, Services& services);
void handle_describe_health(Call call, Services& services);
void handle_describe_groups(Call call, Services& services);
void handle_describe_log_dirs(Call call, Services& services);
void handle_describe_producers(Call call, Services& services);
void handle_describe_topic_partitions(Call call, Services& services);
void handle_describe_transactions(Call call, Services& services);
void handle_elect_leaders(Call call, Services& services);
void handle_end_txn(Call call, Services& services);
void handle_fetch(Call call, Services& services);
void handle_find_coordinator(Call call, Services& services);
void handle_heartbeat(Call call, Services& services);
void handle_incremental_alter_configs(Call call, Services& services);
void handle_init_producer_id(Call call, Services& services);
void handle_join_group(Call call, Services& services);
void handle_leave_group(Call call, Services& services);
void handle_list_groups(Call call, Services& services);
void handle_list_offsets(Call call, Services& services);
void handle_list_partition_reassignments(Call call, Services& services);
void handle_list_transactions(Call call, Services& services);
void handle_metadata(Call call, Services& services);
void handle_offset_commit(Call call, Services& services);
void handle_offset_delete(Call call, Services& services);
void handle_offset_fetch(Call call, Services& services);
void handle_offset_for_leader_epoch(Call call, Services& services);
void handle_produce(Call call, Services& services);
void handle_sync_group(Call call, Services& services);
void handle_txn_offset_commit(Call call, Services& services);
void handle_update_features(Call call, Services& services);
void handle_write_txn_markers(Call call, Services& services);

}  // namespace ottla::api
