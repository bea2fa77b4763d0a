#include "common/protocol/messages/offset_fetch.h"

#include <utility>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {
namespace {

using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;

/// All versions as the newest one says it: a list of groups.
std::vector<OffsetFetchRequest::Group> groups_of(OffsetFetchRequest& request,
                                                 protocol::ApiVersion version) {
  if (version.value() >= 8) return std::move(request.groups);
  OffsetFetchRequest::Group only;
  only.group_id = std::move(request.group_id);
  if (request.topics) {
    only.topics.emplace();
    for (OffsetFetchRequest::Topic& topic : *request.topics) {
      auto& asked = only.topics->emplace_back();
      asked.name = std::move(topic.name);
      asked.partition_indexes = std::move(topic.partition_indexes);
    }
  } else {
    only.topics.reset();
  }
  return {std::move(only)};
}

std::optional<std::vector<TopicPartition>> partitions_of(const OffsetFetchRequest::Group& group) {
  if (!group.topics) return std::nullopt;
  std::vector<TopicPartition> partitions;
  for (const auto& topic : *group.topics) {
    for (const std::int32_t index : topic.partition_indexes)
      partitions.push_back({topic.name, index});
  }
  return partitions;
}

template <class Topic>
void add(std::vector<Topic>& topics, const group::FetchedOffset& fetched) {
  if (topics.empty() || topics.back().name != fetched.partition.topic) {
    topics.emplace_back().name = fetched.partition.topic;
  }
  auto& row = topics.back().partitions.emplace_back();
  row.partition_index = fetched.partition.partition;
  row.committed_offset = fetched.committed.offset;
  row.committed_leader_epoch = fetched.committed.leader_epoch;
  row.metadata = fetched.committed.metadata;
  row.error_code = fetched.error;
}

/// Until version 1 there is no place for the group's error but at each partition.
std::vector<group::FetchedOffset> spread(const OffsetFetchRequest::Group& group, ErrorCode error) {
  std::vector<group::FetchedOffset> rows;
  const auto partitions = partitions_of(group);
  if (!partitions) return rows;
  for (const TopicPartition& partition : *partitions) rows.push_back({partition, {}, error});
  return rows;
}

OffsetFetchResponse response_of(const std::vector<OffsetFetchRequest::Group>& asked,
                                std::vector<group::FetchedOffsets> fetched,
                                protocol::ApiVersion version) {
  OffsetFetchResponse response;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (version.value() < 2 && fetched[i].error != ErrorCode::None) {
      fetched[i].offsets = spread(asked[i], fetched[i].error);
    }
    if (version.value() < 8) {
      response.error_code = version.value() < 2 ? ErrorCode::None : fetched[i].error;
      for (const auto& offset : fetched[i].offsets) add(response.topics, offset);
      continue;
    }
    auto& group = response.groups.emplace_back();
    group.group_id = asked[i].group_id;
    group.error_code = fetched[i].error;
    for (const auto& offset : fetched[i].offsets) add(group.topics, offset);
  }
  return response;
}

/// Version 0: what the consumers of Kafka 0.8 left in ZooKeeper. A partition that does not exist,
/// or has no offset, answers UnknownTopicOrPartition.
void fetch_from_zookeeper(Call call, Services& services,
                          std::vector<OffsetFetchRequest::Group> groups) {
  const auto asked = partitions_of(groups[0]).value_or(std::vector<TopicPartition>());
  const auto image = services.metadata.image();
  group::FetchedOffsets fetched;
  std::vector<TopicPartition> known;
  std::vector<std::size_t> rows;
  for (const TopicPartition& partition : asked) {
    fetched.offsets.push_back({partition, {}, ErrorCode::UnknownTopicOrPartition});
    if (image->partition(partition.topic, partition.partition) == nullptr) continue;
    known.push_back(partition);
    rows.push_back(fetched.offsets.size() - 1);
  }
  const std::string group = groups[0].group_id;
  services.old_offsets.fetch(
      group, known,
      [call = std::move(call), groups = std::move(groups), fetched = std::move(fetched),
       rows = std::move(rows)](const std::vector<OldOffsets::Fetched>& found) mutable {
        for (std::size_t i = 0; i < rows.size(); ++i) {
          fetched.offsets[rows[i]].committed.offset = found[i].offset;
          fetched.offsets[rows[i]].error = found[i].error;
        }
        answer(call, response_of(groups, {std::move(fetched)}, call.version()));
      });
}

}  // namespace

void handle_offset_fetch(Call call, Services& services) {
  auto request = decode_or_close<OffsetFetchRequest>(call);
  if (!request) return;
  auto groups = groups_of(*request, call.version());
  if (!call.version_at_least(1)) {
    return fetch_from_zookeeper(std::move(call), services, std::move(groups));
  }
  std::vector<group::FetchQuery> queries;
  for (const auto& group : groups) queries.push_back({group.group_id, partitions_of(group)});
  services.groups.fetch(std::move(queries), request->require_stable,
                        [call = std::move(call), groups = std::move(groups)](
                            std::vector<group::FetchedOffsets> fetched) mutable {
                          answer(call, response_of(groups, std::move(fetched), call.version()));
                        });
}

}  // namespace ottla::api
