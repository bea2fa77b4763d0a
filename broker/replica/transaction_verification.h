#pragma once

#include <vector>

#include "broker/replica/partition_lookup.h"
#include "broker/replica/transaction_check.h"
#include "broker/replica/transaction_verifier.h"
#include "common/base/task.h"
#include "common/env/executor.h"

namespace ottla::replica {

/// Asks the coordinator about those partitions in which the transaction has no record yet. `done`
/// runs once, on `on`; inside the call if there is nothing to ask.
void verify_transaction(TransactionCheck check, const PartitionLookup& lookup,
                        TransactionVerifier& verifier, env::Executor& on,
                        Callback<std::vector<VerifiedPartition>> done);

}  // namespace ottla::replica
