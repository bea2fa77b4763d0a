#include "broker/api/produce_transaction.h"

#include "common/record/record_batch.h"

namespace ottla::api {
namespace {

constexpr protocol::ApiVersion kTransactionVersion2{12};

/// From Produce v3 on a partition's records are one batch.
std::optional<record::RecordBatchView> transactional_batch(ByteView records) {
  const auto batch = record::RecordBatchView::parse(records);
  if (!batch || batch->is_legacy() || !batch->is_transactional()) return std::nullopt;
  return *batch;
}

}  // namespace

Result<std::optional<TransactionalProducer>> transactional_producer(
    const protocol::ProduceRequest& request) {
  std::optional<TransactionalProducer> producer;
  for (const auto& topic : request.topic_data) {
    for (const auto& partition : topic.partition_data) {
      const auto batch = transactional_batch(partition.records.bytes());
      if (!batch) continue;
      if (!request.transactional_id) return fail(ErrorCode::TransactionalIdAuthorizationFailed);
      if (!batch->has_producer_id()) continue;
      if (!producer) {
        producer = {*request.transactional_id, batch->producer_id(), batch->producer_epoch()};
      } else if (producer->id != batch->producer_id() ||
                 producer->epoch != batch->producer_epoch()) {
        return fail(ErrorCode::InvalidProducerIdMapping,
                    "transactional records of more than one producer in one request");
      }
    }
  }
  return producer;
}

std::pair<replica::TransactionCheck, std::vector<std::size_t>> transaction_check(
    TransactionalProducer producer, const replica::AppendRequest& append,
    protocol::ApiVersion version) {
  replica::TransactionCheck check{.transactional_id = std::move(producer.transactional_id),
                                  .producer_id = producer.id,
                                  .producer_epoch = producer.epoch,
                                  .knows_abortable = version.value() >= 11,
                                  .adds = version >= kTransactionVersion2};
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < append.partitions.size(); ++i) {
    const auto batch = transactional_batch(append.partitions[i].records);
    if (!batch || !batch->has_producer_id()) continue;
    check.partitions.push_back({append.partitions[i].partition, batch->base_sequence()});
    places.push_back(i);
  }
  return {std::move(check), std::move(places)};
}

Error unverified_error(ErrorCode of_verification, protocol::ApiVersion version) {
  const ErrorCode told = replica::produce_error(of_verification, version >= kTransactionVersion2);
  if (told == of_verification) return Error(told);
  return Error(told, std::string("the transaction could not be verified with its coordinator: ") +
                         std::string(name_of(of_verification)));
}

}  // namespace ottla::api
