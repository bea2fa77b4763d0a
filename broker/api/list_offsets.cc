#include "common/protocol/messages/list_offsets.h"

#include <map>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;

/// The first version that knows a special timestamp; one past the last for what is none.
std::int16_t first_version_of(std::int64_t timestamp) {
  if (timestamp >= replica::kEarliestTimestamp) return 0;
  if (timestamp == replica::kMaxTimestamp) return 7;
  if (timestamp == replica::kEarliestLocalTimestamp) return 8;
  if (timestamp == replica::kLatestTieredTimestamp) return 9;
  return ListOffsetsRequest::kVersions.last + 1;
}

/// The questions that go to the replicas, and where their answers belong.
struct Plan {
  ListOffsetsResponse response;
  std::vector<replica::OffsetQuery> queries;
  /// By query: topic, partition in `response`.
  std::vector<std::pair<std::size_t, std::size_t>> places;
};

Plan plan(const ListOffsetsRequest& request, protocol::ApiVersion version) {
  Plan plan;
  std::map<TopicPartition, int> asked;
  for (const ListOffsetsRequest::Topic& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      ++asked[{topic.name, partition.partition_index}];
    }
  }
  // Observed of 3.9, which fails on them.
  const bool bad_isolation = request.isolation_level < 0 || request.isolation_level > 1;
  for (const ListOffsetsRequest::Topic& topic : request.topics) {
    auto& told = plan.response.topics.emplace_back();
    told.name = topic.name;
    for (const auto& partition : topic.partitions) {
      TopicPartition id{topic.name, partition.partition_index};
      auto& row = told.partitions.emplace_back();
      row.partition_index = partition.partition_index;
      const bool bad_count = version.value() == 0 && partition.max_num_offsets < 0;
      if (bad_isolation || bad_count) {
        row.error_code = ErrorCode::UnknownServerError;
      } else if (version.value() > 0 && asked[id] > 1) {
        row.error_code = ErrorCode::InvalidRequest;
      } else if (version.value() < first_version_of(partition.timestamp)) {
        row.error_code = ErrorCode::UnsupportedVersion;
      } else {
        auto& query = plan.queries.emplace_back();
        query.partition = std::move(id);
        query.current_leader_epoch = partition.current_leader_epoch;
        query.timestamp = partition.timestamp;
        if (version.value() == 0) query.max_segments = partition.max_num_offsets;
        plan.places.emplace_back(plan.response.topics.size() - 1, told.partitions.size() - 1);
      }
    }
  }
  return plan;
}

void fill(ListOffsetsResponse::Topic::Partition& row, const replica::ListedOffset& found,
          protocol::ApiVersion version) {
  row.error_code = found.error;
  if (found.error == ErrorCode::OffsetNotAvailable && version.value() < 5) {
    row.error_code = ErrorCode::LeaderNotAvailable;  // KIP-207: older clients do not know it.
  }
  if (found.error != ErrorCode::None) return;
  if (version.value() == 0) {
    row.old_style_offsets = found.segments;
    return;
  }
  row.timestamp = found.timestamp;
  row.offset = found.offset;
  if (version.value() >= 4) row.leader_epoch = found.leader_epoch;
}

}  // namespace

void handle_list_offsets(Call call, Services& services) {
  const auto request = decode_or_close<ListOffsetsRequest>(call);
  if (!request) return;
  Plan planned = plan(*request, call.version());
  const auto isolation = request->isolation_level == 1 ? replica::IsolationLevel::ReadCommitted
                                                       : replica::IsolationLevel::ReadUncommitted;
  auto queries = std::move(planned.queries);
  env::Executor& loop = call.loop();
  services.records.list_offsets(
      std::move(queries), isolation, loop,
      [call = std::move(call),
       planned = std::move(planned)](std::vector<replica::ListedOffset> found) mutable {
        for (std::size_t i = 0; i < found.size(); ++i) {
          const auto [topic, partition] = planned.places[i];
          fill(planned.response.topics[topic].partitions[partition], found[i], call.version());
        }
        answer(call, planned.response);
      });
}

}  // namespace ottla::api
