#include "common/protocol/messages/offset_commit.h"

#include <utility>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"
#include "common/config/group_keys.h"

namespace ottla::api {
namespace {

using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using Asked = OffsetCommitRequest::Topic::Partition;

/// The answer, and which of its rows the coordinator fills, in the order it is asked.
struct Commit {
  OffsetCommitResponse response;
  std::vector<std::pair<std::size_t, std::size_t>> asked;  ///< Topic and partition.

  void fill(const std::vector<ErrorCode>& outcomes) {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      response.topics[asked[i].first].partitions[asked[i].second].error_code = outcomes[i];
    }
  }
};

group::CommittedOffset committed_of(const OffsetCommitRequest& request, const Asked& asked,
                                    env::WallTimeMs now) {
  group::CommittedOffset committed;
  committed.offset = asked.committed_offset;
  committed.leader_epoch = asked.committed_leader_epoch;
  committed.metadata = asked.committed_metadata.value_or("");
  committed.commit_time = asked.commit_timestamp == -1 ? now : asked.commit_timestamp;
  if (request.retention_time_ms != -1) committed.expire_time = now + request.retention_time_ms;
  return committed;
}

/// Kafka checks the texts itself here: no coordinator sees this commit.
void commit_to_zookeeper(Call call, Services& services, const group::CommitRequest& request,
                         Commit commit) {
  const auto longest =
      static_cast<std::size_t>(services.config.values()->get(config::kOffsetMetadataMaxBytes));
  std::vector<OldOffsets::Item> items;
  std::vector<std::pair<std::size_t, std::size_t>> asked;
  for (std::size_t i = 0; i < request.offsets.size(); ++i) {
    const auto& offset = request.offsets[i];
    if (group::java_length(offset.committed.metadata) > longest) {
      const auto [topic, partition] = commit.asked[i];
      commit.response.topics[topic].partitions[partition].error_code =
          ErrorCode::OffsetMetadataTooLarge;
      continue;
    }
    items.push_back({offset.partition, offset.committed.offset});
    asked.push_back(commit.asked[i]);
  }
  commit.asked = std::move(asked);
  services.old_offsets.commit(request.group, std::move(items),
                              [call = std::move(call), commit = std::move(commit)](
                                  const std::vector<ErrorCode>& outcomes) mutable {
                                commit.fill(outcomes);
                                answer(call, commit.response);
                              });
}

}  // namespace

void handle_offset_commit(Call call, Services& services) {
  auto request = decode_or_close<OffsetCommitRequest>(call);
  if (!request) return;
  const auto image = services.metadata.image();
  const env::WallTimeMs now = services.clock.wall_now_ms();
  Commit commit;
  group::CommitRequest wanted;
  for (const OffsetCommitRequest::Topic& topic : request->topics) {
    auto& told = commit.response.topics.emplace_back();
    told.name = topic.name;
    for (const Asked& partition : topic.partitions) {
      auto& row = told.partitions.emplace_back();
      row.partition_index = partition.partition_index;
      if (image->partition(topic.name, partition.partition_index) == nullptr) {
        row.error_code = ErrorCode::UnknownTopicOrPartition;
        continue;
      }
      commit.asked.emplace_back(commit.response.topics.size() - 1, told.partitions.size() - 1);
      wanted.offsets.push_back(
          {{topic.name, partition.partition_index}, committed_of(*request, partition, now)});
    }
  }
  if (wanted.offsets.empty()) return answer(call, commit.response);
  wanted.group = std::move(request->group_id);
  if (!call.version_at_least(1)) {
    return commit_to_zookeeper(std::move(call), services, wanted, std::move(commit));
  }
  wanted.generation = request->generation_id_or_member_epoch;
  wanted.member_id = std::move(request->member_id);
  wanted.instance_id = std::move(request->group_instance_id);
  services.groups.commit(std::move(wanted), [call = std::move(call), commit = std::move(commit)](
                                                const std::vector<ErrorCode>& outcomes) mutable {
    commit.fill(outcomes);
    answer(call, commit.response);
  });
}

}  // namespace ottla::api
