#pragma once

#include <string>
#include <vector>

#include "broker/transaction/coordinator_core.h"
#include "common/base/task.h"

namespace ottla::transaction {

/// What the API handlers ask of the transaction coordinator. Each callback comes once, on any
/// thread, possibly inside the call. Calls of one thread keep their order.
class TransactionService {
 public:
  virtual ~TransactionService() = default;

  virtual void init_producer(InitProducerRequest request, Callback<InitializedProducer> done) = 0;
  virtual void add_partitions(AddPartitionsRequest request, Callback<Answer> done) = 0;
  virtual void end(EndRequest request, Callback<Answer> done) = 0;
  /// KIP-890: one code for each partition, in order.
  virtual void verify_partitions(std::string transactional_id, Producer producer,
                                 std::vector<TopicPartition> partitions,
                                 Callback<std::vector<ErrorCode>> done) = 0;

  /// In the order of the ids.
  virtual void describe(std::vector<std::string> transactional_ids,
                        Callback<std::vector<TransactionDescription>> done) = 0;
  virtual void list(ListFilter filter, Callback<TransactionList> done) = 0;
};

}  // namespace ottla::transaction
