#include "common/protocol/messages/txn_offset_commit.h"

#include <utility>
#include <vector>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {
namespace {

using protocol::TxnOffsetCommitRequest;
using protocol::TxnOffsetCommitResponse;

/// The answer, and which of its rows the coordinator fills, in the order it is asked.
struct Commit {
  TxnOffsetCommitResponse response;
  std::vector<std::pair<std::size_t, std::size_t>> asked;  ///< Topic and partition.
};

/// From this version on the epoch tells what is late (transaction version 2).
constexpr std::int16_t kRaisesEpoch = 5;

group::CommitRequest commit_of(TxnOffsetCommitRequest& request, const Call& call) {
  const protocol::ApiVersion version = call.version();
  group::CommitRequest wanted;
  wanted.group = std::move(request.group_id);
  wanted.generation = request.generation_id;
  wanted.member_id = std::move(request.member_id);
  wanted.instance_id = std::move(request.group_instance_id);
  wanted.transaction = {.transactional_id = std::move(request.transactional_id),
                        .producer_id = request.producer_id,
                        .producer_epoch = request.producer_epoch,
                        .knows_abortable = version.value() >= 4,
                        .adds = version.value() >= kRaisesEpoch};
  if (!wanted.transaction->adds) wanted.transaction->connection = call.connection().accepted;
  return wanted;
}

}  // namespace

void handle_txn_offset_commit(Call call, Services& services) {
  auto request = decode_or_close<TxnOffsetCommitRequest>(call);
  if (!request) return;
  const auto image = services.metadata.image();
  const env::WallTimeMs now = services.clock.wall_now_ms();
  Commit commit;
  group::CommitRequest wanted = commit_of(*request, call);
  for (TxnOffsetCommitRequest::Topic& topic : request->topics) {
    auto& told = commit.response.topics.emplace_back();
    told.name = topic.name;
    for (auto& partition : topic.partitions) {
      auto& row = told.partitions.emplace_back();
      row.partition_index = partition.partition_index;
      if (image->partition(topic.name, partition.partition_index) == nullptr) {
        row.error_code = ErrorCode::UnknownTopicOrPartition;
        continue;
      }
      commit.asked.emplace_back(commit.response.topics.size() - 1, told.partitions.size() - 1);
      wanted.offsets.push_back({{topic.name, partition.partition_index},
                                {.offset = partition.committed_offset,
                                 .leader_epoch = partition.committed_leader_epoch,
                                 .metadata = std::move(partition.committed_metadata).value_or(""),
                                 .commit_time = now}});
    }
  }
  if (wanted.offsets.empty()) return answer(call, commit.response);
  services.groups.commit(std::move(wanted), [call = std::move(call), commit = std::move(commit)](
                                                const std::vector<ErrorCode>& outcomes) mutable {
    if (outcomes.empty()) return call.responder.close_connection();  // too late
    for (std::size_t i = 0; i < commit.asked.size(); ++i) {
      const auto [topic, partition] = commit.asked[i];
      commit.response.topics[topic].partitions[partition].error_code = outcomes[i];
    }
    answer(call, commit.response);
  });
}

}  // namespace ottla::api
