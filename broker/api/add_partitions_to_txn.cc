#include "common/protocol/messages/add_partitions_to_txn.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "broker/api/handlers.h"
#include "broker/api/transaction_errors.h"
#include "broker/transaction/added_partitions.h"

namespace ottla::api {
namespace {

using protocol::AddPartitionsToTxnRequest;
using protocol::AddPartitionsToTxnResponse;
using Topics = std::vector<AddPartitionsToTxnRequest::Topic>;
using transaction::TopicResults;

/// The first version that a leader sends, for many transactions at once (KIP-890).
constexpr std::int16_t kBatched = 4;
/// The first whose sender knows TRANSACTION_ABORTABLE.
constexpr std::int16_t kKnowsAbortable = 5;

TopicResults results(const Topics& topics, ErrorCode error) {
  TopicResults rows;
  for (const auto& topic : topics) {
    auto& row = rows.emplace_back();
    row.name = topic.name;
    for (const std::int32_t partition : topic.partitions) {
      row.results_by_partition.push_back(
          {.partition_index = partition, .partition_error_code = error});
    }
  }
  return rows;
}

std::set<TopicPartition> partitions_of(const Topics& topics) {
  std::set<TopicPartition> partitions;
  for (const auto& topic : topics) {
    for (const std::int32_t partition : topic.partitions)
      partitions.insert({topic.name, partition});
  }
  return partitions;
}

void add_for_client(Call call, Services& services, AddPartitionsToTxnRequest request) {
  AddPartitionsToTxnResponse response;
  TopicResults& rows = response.results_by_topic_v3_and_below;
  rows = results(request.v3_and_below_topics, ErrorCode::OperationNotAttempted);
  if (transaction::refuse_unknown(rows, *services.metadata.image())) return answer(call, response);
  transaction::AddPartitionsRequest wanted{
      .transactional_id = std::move(request.v3_and_below_transactional_id),
      .producer = {request.v3_and_below_producer_id, request.v3_and_below_producer_epoch},
      .partitions = partitions_of(request.v3_and_below_topics),
      .connection = call.connection().accepted};
  services.transactions.add_partitions(
      std::move(wanted), [call = std::move(call), topics = std::move(request.v3_and_below_topics)](
                             const transaction::Answer& answered) mutable {
        if (answered.is_late) return call.responder.close_connection();
        AddPartitionsToTxnResponse added;
        added.results_by_topic_v3_and_below =
            results(topics, known_to(call, kAddToTxnKnowsFenced, answered.error));
        answer(call, added);
      });
}

void replace(AddPartitionsToTxnResponse& response, ErrorCode from, ErrorCode to) {
  for (auto& transaction : response.results_by_transaction) {
    for (auto& topic : transaction.topic_results) {
      for (auto& row : topic.results_by_partition) {
        if (row.partition_error_code == from) row.partition_error_code = to;
      }
    }
  }
}

}  // namespace

void handle_add_partitions_to_txn(Call call, Services& services) {
  auto request = decode_or_close<AddPartitionsToTxnRequest>(call);
  if (!request) return;
  if (!call.version_at_least(kBatched)) {
    return add_for_client(std::move(call), services, *std::move(request));
  }
  transaction::add_for_leader(
      services.transactions, *services.metadata.image(), *std::move(request),
      [call = std::move(call)](AddPartitionsToTxnResponse response) mutable {
        if (!call.version_at_least(kKnowsAbortable)) {
          replace(response, ErrorCode::TransactionAbortable, ErrorCode::InvalidTxnState);
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
