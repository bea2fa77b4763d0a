#include "broker/replica/transaction_verification.h"

#include <cstddef>
#include <utility>

#include "broker/replica/partition.h"

namespace ottla::replica {
namespace {

Result<storage::VerificationToken> begin(const TransactionCheck& check, std::size_t i,
                                         const PartitionLookup& lookup) {
  OTTLA_TRY(const std::shared_ptr<Partition> partition,
            lookup.lookup(check.partitions[i].partition));
  OTTLA_TRY(const Partition::ReadAccess access,
            partition->read_access(kUnknownLeaderEpoch, /*leader_only=*/true));
  return access.log->begin_verification(check.producer_id, check.producer_epoch,
                                        check.partitions[i].base_sequence);
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
  std::vector<std::size_t> asked;
  TransactionVerifier::Question question{.transactional_id = std::move(check.transactional_id),
                                         .producer_id = check.producer_id,
                                         .producer_epoch = check.producer_epoch};
  for (std::size_t i = 0; i < check.partitions.size(); ++i) {
    const Result<storage::VerificationToken> token = begin(check, i, lookup);
    if (!token) {
      verified[i].error = token.error().code();
      continue;
    }
    verified[i].token = *token;
    if (*token == storage::kNoVerification) continue;
    asked.push_back(i);
    question.partitions.push_back(check.partitions[i].partition);
  }
  if (asked.empty()) return std::move(done)(std::move(verified));
  verifier.verify(std::move(question),
                  [knows_abortable = check.knows_abortable, verified = std::move(verified),
                   asked = std::move(asked), &on,
                   done = std::move(done)](const std::vector<ErrorCode>& answers) mutable {
                    for (std::size_t i = 0; i < asked.size(); ++i) {
                      const ErrorCode answered =
                          i < answers.size() ? answers[i] : ErrorCode::UnknownServerError;
                      verified[asked[i]].error = told(answered, knows_abortable);
                    }
                    on.post([verified = std::move(verified), done = std::move(done)]() mutable {
                      std::move(done)(std::move(verified));
                    });
                  });
}

}  // namespace ottla::replica
