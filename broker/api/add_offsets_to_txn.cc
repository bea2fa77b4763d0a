#include "common/protocol/messages/add_offsets_to_txn.h"

#include <utility>

#include "broker/api/handlers.h"
#include "broker/api/transaction_errors.h"
#include "broker/group/log_records.h"
#include "common/config/group_keys.h"

namespace ottla::api {
namespace {

/// Where the group's offsets are committed; the topic may be made only when its coordinator is
/// looked for.
TopicPartition offsets_partition(const std::string& group, const Services& services) {
  const std::int32_t count = services.metadata.image()->partition_count(
      group::kOffsetsTopic, services.config.values()->get(config::kOffsetsTopicNumPartitions));
  return {group::kOffsetsTopic, group::partition_of(group, count)};
}

}  // namespace

void handle_add_offsets_to_txn(Call call, Services& services) {
  auto request = decode_or_close<protocol::AddOffsetsToTxnRequest>(call);
  if (!request) return;
  transaction::AddPartitionsRequest wanted{
      .transactional_id = std::move(request->transactional_id),
      .producer = {request->producer_id, request->producer_epoch},
      .partitions = {offsets_partition(request->group_id, services)},
      .connection = call.connection().accepted};
  services.transactions.add_partitions(
      std::move(wanted), [call = std::move(call)](const transaction::Answer& answered) mutable {
        if (answered.is_late) return call.responder.close_connection();
        protocol::AddOffsetsToTxnResponse response;
        response.error_code = known_to(call, kAddToTxnKnowsFenced, answered.error);
        answer(call, response);
      });
}

}  // namespace ottla::api
