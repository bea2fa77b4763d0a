#pragma once

#include <memory>

#include "common/rpc/transactions.h"

namespace ottla::rpc {

/// TransactionPeers over gRPC, with one channel for each broker's endpoint. Thread: any.
class GrpcTransactionPeers final : public TransactionPeers {
 public:
  GrpcTransactionPeers();
  ~GrpcTransactionPeers() override;

  void write_markers(const cluster::Broker& to, NumberedMarkers markers, env::Duration timeout,
                     Callback<Result<protocol::WriteTxnMarkersResponse>> done) override;
  void add_partitions(const cluster::Broker& to, protocol::AddPartitionsToTxnRequest request,
                      env::Duration timeout,
                      Callback<Result<protocol::AddPartitionsToTxnResponse>> done) override;

 private:
  class Stubs;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace ottla::rpc
