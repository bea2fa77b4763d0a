#include "common/protocol/messages/describe_producers.h"

#include <string>

#include "broker/api/handlers.h"
#include "common/cluster/topic_name.h"

namespace ottla::api {
namespace {

using protocol::DescribeProducersRequest;
using protocol::DescribeProducersResponse;
using Row = DescribeProducersResponse::Topic::Partition;

Row describe(const TopicPartition& partition, Services& services) {
  Row row;
  row.partition_index = partition.partition;
  row.error_message = std::nullopt;
  if (services.metadata.image()->partition(partition.topic, partition.partition) == nullptr) {
    row.error_code = cluster::is_valid_topic_name(partition.topic)
                         ? ErrorCode::UnknownTopicOrPartition
                         : ErrorCode::InvalidTopicException;
    row.error_message = Error(row.error_code).describe();
    return row;
  }
  const auto producers = services.records.active_producers(partition);
  if (!producers) {
    row.error_code = producers.error().code();
    return row;
  }
  for (const storage::ActiveProducer& producer : *producers) {
    auto& told = row.active_producers.emplace_back();
    told.producer_id = producer.producer_id;
    told.producer_epoch = producer.producer_epoch.value();
    told.last_sequence = producer.last_sequence;
    told.last_timestamp = producer.last_timestamp;
    told.coordinator_epoch = producer.coordinator_epoch;
    told.current_txn_start_offset = producer.transaction_start_offset;
  }
  return row;
}

}  // namespace

/// KIP-664; of any replica, so that an operator can compare them.
void handle_describe_producers(Call call, Services& services) {
  const auto request = decode_or_close<DescribeProducersRequest>(call);
  if (!request) return;
  DescribeProducersResponse response;
  for (const auto& topic : request->topics) {
    auto& told = response.topics.emplace_back();
    told.name = topic.name;
    for (const std::int32_t partition : topic.partition_indexes) {
      told.partitions.push_back(describe({topic.name, partition}, services));
    }
  }
  answer(call, response);
}

}  // namespace ottla::api
