#pragma once

#include <vector>

#include "broker/metadata/metadata_image.h"
#include "broker/transaction/transaction_service.h"
#include "common/protocol/messages/add_partitions_to_txn.h"

namespace ottla::transaction {

using TopicResults = std::vector<protocol::AddPartitionsToTxnResponse::TopicResult>;

/// Marks partitions that do not exist; none of the others is attempted then. True if there is one.
bool refuse_unknown(TopicResults& rows, const metadata::MetadataImage& image);

/// AddPartitionsToTxn v4 and later, which leaders send for many transactions at once: each is
/// verified, or its partitions are added. Answers in the order of the request.
void add_for_leader(TransactionService& service, const metadata::MetadataImage& image,
                    protocol::AddPartitionsToTxnRequest request,
                    Callback<protocol::AddPartitionsToTxnResponse> done);

}  // namespace ottla::transaction
