#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/replica/transaction_verifier.h"
#include "broker/transaction/transaction_service.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"
#include "common/rpc/transactions.h"

namespace ottla::transaction {

/// Leaders' questions about transactions (KIP-890) on their way to the coordinators, this broker or
/// others; measured as Kafka's AddPartitionsToTxnManager does.
/// Thread: any; immutable.
class QuestionSender {
 public:
  struct Dependencies {
    BrokerId self;
    env::Clock& clock;
    metadata::MetadataCache& metadata;
    rpc::TransactionPeers& peers;
    metrics::Registry& metrics;
  };

  explicit QuestionSender(Dependencies with);

  /// Asks whoever coordinates the transactional id, `here` if that is this broker. The codes are
  /// those of replica::TransactionVerifier.
  void ask(replica::TransactionVerifier::Question question, std::int32_t partition_count,
           TransactionService& here, Callback<std::vector<ErrorCode>> done) const;

 private:
  const Dependencies with_;
  const std::shared_ptr<metrics::Histogram> took_us_;
  const std::shared_ptr<metrics::Counter> refused_;
};

}  // namespace ottla::transaction
