#include "common/protocol/messages/offset_for_leader_epoch.h"

#include <utility>
#include <vector>

#include "broker/api/handlers.h"

namespace ottla::api {

using protocol::OffsetForLeaderEpochRequest;
using protocol::OffsetForLeaderEpochResponse;

void handle_offset_for_leader_epoch(Call call, Services& services) {
  const auto request = decode_or_close<OffsetForLeaderEpochRequest>(call);
  if (!request) return;
  std::vector<replica::EpochQuery> queries;
  for (const OffsetForLeaderEpochRequest::Topic& topic : request->topics) {
    for (const auto& partition : topic.partitions) {
      queries.push_back({{topic.topic, partition.partition},
                         partition.current_leader_epoch,
                         partition.leader_epoch});
    }
  }
  const std::vector<replica::EpochAnswer> answers =
      services.records.offsets_for_leader_epochs(queries);

  OffsetForLeaderEpochResponse response;
  auto next = answers.begin();
  for (const OffsetForLeaderEpochRequest::Topic& topic : request->topics) {
    auto& told = response.topics.emplace_back();
    told.topic = topic.topic;
    for (const auto& partition : topic.partitions) {
      const replica::EpochAnswer& found = *next++;
      told.partitions.push_back(
          {found.error, partition.partition, found.leader_epoch, found.end_offset});
    }
  }
  answer(call, response);
}

}  // namespace ottla::api
