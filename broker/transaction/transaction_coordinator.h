#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/surroundings.h"
#include "broker/replica/transaction_verifier.h"
#include "broker/transaction/transaction_config.h"
#include "broker/transaction/transaction_service.h"
#include "common/env/clock.h"
#include "common/env/executor.h"
#include "common/metrics/registry.h"
#include "common/rpc/transactions.h"

namespace ottla::replica {
class Replicas;
}  // namespace ottla::replica

namespace ottla::transaction {

/// The transaction coordinator as it runs in a broker: CoordinatorCore on a loop of its own,
/// appends to the partitions of __transaction_state that this broker leads, their loading on the
/// I/O pool, markers to other brokers and from them, and questions to other coordinators.
///
/// Thread: any; the core lives on `loop`.
class TransactionCoordinator final : public TransactionService,
                                     public replica::LeadershipListener,
                                     public replica::TransactionVerifier,
                                     public rpc::TransactionControl {
 public:
  struct Dependencies {
    BrokerId self;
    std::string nonce;  ///< Of this start of the process.
    env::Clock& clock;
    env::Executor& loop;  ///< Tasks in order.
    env::Executor& io_pool;
    metadata::MetadataCache& metadata;
    rpc::TransactionPeers& peers;
    ProducerIdSource& ids;                 ///< Calls back on any thread.
    metrics::Registry* metrics = nullptr;  ///< Null: nobody looks.
  };

  TransactionCoordinator(TransactionConfig config, Dependencies dependencies);
  ~TransactionCoordinator() override;

  /// Before the first leadership: the replicas need their listener first.
  void start(replica::Replicas& replicas);
  /// Drops what waits, without an answer. The loop runs its last tasks before it ends.
  void stop();

  // replica::LeadershipListener, for partitions of __transaction_state.
  void on_leader(const TopicPartition& partition, LeaderEpoch epoch) override;
  void on_not_leader(const TopicPartition& partition, LeaderEpoch epoch) override;

  // replica::TransactionVerifier
  void verify(Question question, Callback<std::vector<ErrorCode>> done) override;

  // rpc::TransactionControl
  void write_markers(rpc::NumberedMarkers markers,
                     Callback<protocol::WriteTxnMarkersResponse> reply) override;
  void add_partitions(protocol::AddPartitionsToTxnRequest request,
                      Callback<protocol::AddPartitionsToTxnResponse> reply) override;

  // TransactionService
  void init_producer(InitProducerRequest request, Callback<InitializedProducer> done) override;
  void add_partitions(AddPartitionsRequest request, Callback<Answer> done) override;
  void end(EndRequest request, Callback<Answer> done) override;
  void verify_partitions(std::string transactional_id, Producer producer,
                         std::vector<TopicPartition> partitions,
                         Callback<std::vector<ErrorCode>> done) override;
  void describe(std::vector<std::string> transactional_ids,
                Callback<std::vector<TransactionDescription>> done) override;
  void list(ListFilter filter, Callback<TransactionList> done) override;

 private:
  class Inner;
  std::shared_ptr<Inner> inner_;
};

}  // namespace ottla::transaction
