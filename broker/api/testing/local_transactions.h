#pragma once

#include <string>
#include <utility>
#include <vector>

#include "broker/api/services.h"
#include "broker/transaction/world_for_tests.h"

namespace ottla::api {

/// A transaction coordinator of one partition of __transaction_state without threads or disks.
class LocalTransactions final : public transaction::TransactionService {
 public:
  explicit LocalTransactions(env::Clock& clock) : core(config, clock, log, markers, ids) {
    core.set_partition_count(1);
    core.begin_loading(0, LeaderEpoch(0));
    core.finish_loading(0, LeaderEpoch(0), {});
  }

  void init_producer(transaction::InitProducerRequest request,
                     Callback<transaction::InitializedProducer> done) override {
    core.init_producer(std::move(request), std::move(done));
  }
  void add_partitions(transaction::AddPartitionsRequest request,
                      Callback<transaction::Answer> done) override {
    core.add_partitions(std::move(request), std::move(done));
  }
  void end(transaction::EndRequest request, Callback<transaction::Answer> done) override {
    core.end(std::move(request), std::move(done));
  }
  void verify_partitions(std::string transactional_id, transaction::Producer producer,
                         std::vector<TopicPartition> partitions,
                         Callback<std::vector<ErrorCode>> done) override {
    std::move(done)(core.verify(transactional_id, producer, partitions));
  }
  void describe(std::vector<std::string> transactional_ids,
                Callback<std::vector<transaction::TransactionDescription>> done) override {
    std::vector<transaction::TransactionDescription> described;
    for (const std::string& id : transactional_ids) described.push_back(core.describe(id));
    std::move(done)(std::move(described));
  }
  void list(transaction::ListFilter filter, Callback<transaction::TransactionList> done) override {
    std::move(done)(core.list(filter));
  }

  transaction::TransactionConfig config;
  transaction::MemoryLog log;
  transaction::MemoryMarkers markers;
  transaction::CountingIds ids;
  transaction::CoordinatorCore core;
};

}  // namespace ottla::api
