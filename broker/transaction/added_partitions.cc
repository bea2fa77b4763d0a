#include "broker/transaction/added_partitions.h"

#include <memory>
#include <utility>

namespace ottla::transaction {
namespace {

using protocol::AddPartitionsToTxnRequest;
using protocol::AddPartitionsToTxnResponse;

/// The answer while its transactions are being asked for.
struct Pending {
  AddPartitionsToTxnResponse response;
  std::size_t left = 0;
  Callback<AddPartitionsToTxnResponse> done;

  void settle(std::size_t transaction, const std::vector<ErrorCode>& codes) {
    std::size_t next = 0;
    for (auto& topic : response.results_by_transaction[transaction].topic_results) {
      for (auto& partition : topic.results_by_partition) {
        partition.partition_error_code = codes.at(next++);
      }
    }
    settled();
  }
  void settled() {
    if (--left == 0) std::move(done)(std::move(response));
  }
};

std::vector<TopicPartition> partitions_of(const AddPartitionsToTxnRequest::Transaction& from) {
  std::vector<TopicPartition> partitions;
  for (const auto& topic : from.topics) {
    for (const std::int32_t partition : topic.partitions) {
      partitions.push_back({topic.name, partition});
    }
  }
  return partitions;
}

AddPartitionsToTxnResponse frame_of(const AddPartitionsToTxnRequest& request) {
  AddPartitionsToTxnResponse response;
  for (const auto& transaction : request.transactions) {
    auto& result = response.results_by_transaction.emplace_back();
    result.transactional_id = transaction.transactional_id;
    for (const auto& topic : transaction.topics) {
      auto& row = result.topic_results.emplace_back();
      row.name = topic.name;
      for (const std::int32_t partition : topic.partitions) {
        row.results_by_partition.push_back(
            {.partition_index = partition,
             .partition_error_code = ErrorCode::OperationNotAttempted});
      }
    }
  }
  return response;
}

}  // namespace

bool refuse_unknown(TopicResults& rows, const metadata::MetadataImage& image) {
  bool any = false;
  for (auto& topic : rows) {
    for (auto& row : topic.results_by_partition) {
      if (image.partition(topic.name, row.partition_index) != nullptr) continue;
      row.partition_error_code = ErrorCode::UnknownTopicOrPartition;
      any = true;
    }
  }
  return any;
}

void add_for_leader(TransactionService& service, const metadata::MetadataImage& image,
                    AddPartitionsToTxnRequest request, Callback<AddPartitionsToTxnResponse> done) {
  const auto pending = std::make_shared<Pending>();
  pending->response = frame_of(request);
  pending->left = request.transactions.size();
  pending->done = std::move(done);
  if (pending->left == 0) return std::move(pending->done)(std::move(pending->response));
  for (std::size_t i = 0; i < request.transactions.size(); ++i) {
    auto& transaction = request.transactions[i];
    if (refuse_unknown(pending->response.results_by_transaction[i].topic_results, image)) {
      pending->settled();
      continue;
    }
    const Producer producer{transaction.producer_id, transaction.producer_epoch};
    std::vector<TopicPartition> partitions = partitions_of(transaction);
    const std::size_t count = partitions.size();
    if (transaction.verify_only) {
      service.verify_partitions(
          std::move(transaction.transactional_id), producer, std::move(partitions),
          [pending, i](const std::vector<ErrorCode>& codes) { pending->settle(i, codes); });
      continue;
    }
    service.add_partitions({.transactional_id = std::move(transaction.transactional_id),
                            .producer = producer,
                            .partitions = {partitions.begin(), partitions.end()}},
                           [pending, i, count](const Answer& answer) {
                             pending->settle(i, std::vector<ErrorCode>(count, answer.error));
                           });
  }
}

}  // namespace ottla::transaction
