#pragma once

#include <memory>

#include "common/rpc/transactions.h"

namespace grpc {
class Service;
}

namespace ottla::rpc {

/// Hands calls of other brokers' GrpcTransactionPeers to a TransactionControl, which outlives it.
[[nodiscard]] std::unique_ptr<grpc::Service> make_transaction_service(TransactionControl& control);

}  // namespace ottla::rpc
