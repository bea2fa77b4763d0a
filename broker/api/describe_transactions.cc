#include "common/protocol/messages/describe_transactions.h"

#include <utility>
#include <vector>

#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using Row = protocol::DescribeTransactionsResponse::TransactionState;

Row row_of(const transaction::TransactionDescription& described) {
  Row row;
  row.error_code = described.error;
  row.transactional_id = described.transactional_id;
  if (described.error != ErrorCode::None) return row;
  const transaction::TransactionImage& image = described.image;
  row.transaction_state = transaction::name_of(image.state);
  row.transaction_timeout_ms = image.timeout_ms;
  row.transaction_start_time_ms = image.start_time;
  row.producer_id = image.producer_id;
  row.producer_epoch = image.producer_epoch;
  for (const TopicPartition& partition : image.partitions) {
    if (row.topics.empty() || row.topics.back().topic != partition.topic) {
      row.topics.emplace_back().topic = partition.topic;
    }
    row.topics.back().partitions.push_back(partition.partition);
  }
  return row;
}

}  // namespace

void handle_describe_transactions(Call call, Services& services) {
  auto request = decode_or_close<protocol::DescribeTransactionsRequest>(call);
  if (!request) return;
  services.transactions.describe(
      std::move(request->transactional_ids),
      [call = std::move(call)](
          const std::vector<transaction::TransactionDescription>& described) mutable {
        protocol::DescribeTransactionsResponse response;
        for (const auto& each : described) response.transaction_states.push_back(row_of(each));
        answer(call, response);
      });
}

}  // namespace ottla::api
