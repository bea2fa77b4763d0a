#include "common/protocol/messages/delete_records.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "broker/api/endpoints.h"
#include "broker/api/handlers.h"
#include "common/cluster/topic_name.h"

namespace ottla::api {
namespace {

using protocol::DeleteRecordsRequest;
using protocol::DeleteRecordsResponse;

/// The questions that go to the replicas, and where their answers belong.
struct Plan {
  DeleteRecordsResponse response;
  std::vector<replica::DeleteRecordsQuery> queries;
  /// By query: topic, partition in `response`.
  std::vector<std::pair<std::size_t, std::size_t>> places;
};

Plan plan(const DeleteRecordsRequest& request, const metadata::MetadataImage& image) {
  Plan plan;
  for (const DeleteRecordsRequest::Topic& topic : request.topics) {
    auto& told = plan.response.topics.emplace_back();
    told.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& row = told.partitions.emplace_back();
      row.partition_index = partition.partition_index;
      row.low_watermark = kUnknownOffset;
      if (image.partition(topic.name, partition.partition_index) == nullptr) {
        row.error_code = ErrorCode::UnknownTopicOrPartition;
      } else if (cluster::is_internal_topic(topic.name)) {
        row.error_code = ErrorCode::InvalidTopicException;
      } else {
        plan.queries.push_back({{topic.name, partition.partition_index}, partition.offset});
        plan.places.emplace_back(plan.response.topics.size() - 1, told.partitions.size() - 1);
      }
    }
  }
  return plan;
}

}  // namespace

void handle_delete_records(Call call, Services& services) {
  const auto request = decode_or_close<DeleteRecordsRequest>(call);
  if (!request) return;
  Plan planned = plan(*request, *services.metadata.image());
  if (planned.queries.empty()) return answer(call, planned.response);
  auto queries = std::move(planned.queries);
  const std::chrono::milliseconds timeout(std::max(request->timeout_ms, 0));
  env::Executor& loop = call.loop();
  services.records.delete_records(std::move(queries), timeout, loop,
                                  [call = std::move(call), planned = std::move(planned)](
                                      std::vector<replica::DeletedRecords> deleted) mutable {
                                    for (std::size_t i = 0; i < deleted.size(); ++i) {
                                      const auto [topic, partition] = planned.places[i];
                                      auto& row =
                                          planned.response.topics[topic].partitions[partition];
                                      row.error_code = deleted[i].error;
                                      row.low_watermark = deleted[i].low_watermark;
                                    }
                                    answer(call, planned.response);
                                  });
}

}  // namespace ottla::api
