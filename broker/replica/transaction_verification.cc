#include "broker/replica/transaction_verification.h"

#include <cstddef>
#include <utility>

#include "broker/replica/partition.h"

namespace ottla::replica {
namespace {

/// A partition whose coordinator is to be asked.
struct Asked {
  std::size_t place;  ///< In the check.
  std::shared_ptr<storage::Log> log;
  std::int32_t base_sequence;
};

Result<std::shared_ptr<storage::Log>> leader_log(const TopicPartition& name,
                                                 const PartitionLookup& lookup) {
  OTTLA_TRY(const std::shared_ptr<Partition> partition, lookup.lookup(name));
  OTTLA_TRY(const Partition::ReadAccess access,
            partition->read_access(kUnknownLeaderEpoch, /*leader_only=*/true));
  return access.log;
}

/// Producers know a newer one by InvalidProducerEpoch here, and old ones do not know
/// TransactionAbortable.
ErrorCode told(ErrorCode answered, bool knows_abortable) {
  if (answered == ErrorCode::ProducerFenced) return ErrorCode::InvalidProducerEpoch;
  if (answered == ErrorCode::TransactionAbortable && !knows_abortable) {
    return ErrorCode::InvalidTxnState;
  }
  return answered;
}

}  // namespace

void verify_transaction(TransactionCheck check, const PartitionLookup& lookup,
                        TransactionVerifier& verifier, env::Executor& on,
                        Callback<std::vector<VerifiedPartition>> done) {
  std::vector<VerifiedPartition> verified(check.partitions.size());
  std::vector<Asked> asked;
  TransactionVerifier::Question question{.transactional_id = std::move(check.transactional_id),
                                         .producer_id = check.producer_id,
                                         .producer_epoch = check.producer_epoch,
                                         .adds = check.adds};
  for (std::size_t i = 0; i < check.partitions.size(); ++i) {
    const TopicPartition& partition = check.partitions[i].partition;
    // Each of its transactions has an epoch of its own, and a partition's first batch in it has
    // sequence 0: another one that comes first, even where the producer is not known, is early.
    const std::int32_t base_sequence = check.adds ? 0 : check.partitions[i].base_sequence;
    auto log = leader_log(partition, lookup);
    if (!log) {
      verified[i].error = log.error().code();
      continue;
    }
    verified[i].token =
        (*log)->begin_verification(check.producer_id, check.producer_epoch, base_sequence);
    if (verified[i].token == storage::kNoVerification) continue;
    asked.push_back({i, *std::move(log), base_sequence});
    question.partitions.push_back(partition);
  }
  if (asked.empty()) return std::move(done)(std::move(verified));
  verifier.verify(std::move(question), [check = std::move(check), verified = std::move(verified),
                                        asked = std::move(asked), &on, done = std::move(done)](
                                           const std::vector<ErrorCode>& answers) mutable {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto& [place, log, base_sequence] = asked[i];
      const ErrorCode answered = i < answers.size() ? answers[i] : ErrorCode::UnknownServerError;
      verified[place].error = told(answered, check.knows_abortable);
      // The marker of the transaction before may have come while the coordinator waited for
      // it. Of ours there can be none that the epoch does not tell: every end raises it.
      if (check.adds && answered == ErrorCode::None) {
        verified[place].token =
            log->begin_verification(check.producer_id, check.producer_epoch, base_sequence);
      }
    }
    on.post([verified = std::move(verified), done = std::move(done)]() mutable {
      std::move(done)(std::move(verified));
    });
  });
}

}  // namespace ottla::replica
