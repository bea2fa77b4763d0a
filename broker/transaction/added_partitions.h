#pragma once

#include "broker/transaction/transaction_service.h"
#include "common/protocol/messages/add_partitions_to_txn.h"

namespace ottla::transaction {

/// AddPartitionsToTxn v4 and later, which leaders send for many transactions at once: each is
/// verified, or its partitions are added. Answers in the order of the request.
void add_for_leader(TransactionService& service, protocol::AddPartitionsToTxnRequest request,
                    Callback<protocol::AddPartitionsToTxnResponse> done);

}  // namespace ottla::transaction
