#include "common/protocol/messages/offset_delete.h"

#include <utility>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {
namespace {

using protocol::OffsetDeleteRequest;
using protocol::OffsetDeleteResponse;

}  // namespace

void handle_offset_delete(Call call, Services& services) {
  auto request = decode_or_close<OffsetDeleteRequest>(call);
  if (!request) return;
  const auto image = services.metadata.image();
  OffsetDeleteResponse response;
  std::vector<TopicPartition> partitions;
  std::vector<std::pair<std::size_t, std::size_t>> rows;
  for (const OffsetDeleteRequest::Topic& topic : request->topics) {
    auto& told = response.topics.emplace_back();
    told.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& row = told.partitions.emplace_back();
      row.partition_index = partition.partition_index;
      if (image->partition(topic.name, partition.partition_index) == nullptr) {
        row.error_code = ErrorCode::UnknownTopicOrPartition;
        continue;
      }
      partitions.push_back({topic.name, partition.partition_index});
      rows.emplace_back(response.topics.size() - 1, told.partitions.size() - 1);
    }
  }
  services.groups.delete_offsets(
      std::move(request->group_id), std::move(partitions),
      [call = std::move(call), response = std::move(response),
       rows = std::move(rows)](const group::DeletedOffsets& deleted) mutable {
        if (deleted.error != ErrorCode::None) {
          response.topics.clear();
          response.error_code = deleted.error;
          return answer(call, response);
        }
        for (std::size_t i = 0; i < rows.size(); ++i) {
          const auto [topic, partition] = rows[i];
          response.topics[topic].partitions[partition].error_code = deleted.outcomes[i];
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
