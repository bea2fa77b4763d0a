#include "common/rpc/grpc_transactions.h"

#include <string>
#include <utility>

#include "common/protocol/versioned_bytes.h"
#include "common/rpc/grpc_call.h"
#include "common/rpc/stubs_by_endpoint.h"
#include "proto/ottla/transactions.grpc.pb.h"

namespace ottla::rpc {
namespace {

constexpr std::int16_t kMarkersVersion = 1;
constexpr std::int16_t kAddPartitionsVersion = 5;

template <class M>
Result<M> decode(const std::string& bytes) {
  OTTLA_TRY(const std::int16_t version, protocol::version_of(as_bytes(bytes)));
  return protocol::decode_versioned<M>(as_bytes(bytes), version);
}

/// Passes a reply on in Kafka's form.
template <class Response>
Callback<Result<proto::KafkaMessage*>> as_kafkas(Callback<Result<Response>> done) {
  return [done = std::move(done)](Result<proto::KafkaMessage*> answered) mutable {
    if (!answered) return std::move(done)(fail(std::move(answered).error()));
    std::move(done)(decode<Response>((*answered)->bytes()));
  };
}

}  // namespace

class GrpcTransactionPeers::Stubs : public StubsByEndpoint<proto::Transactions> {};

GrpcTransactionPeers::GrpcTransactionPeers() : stubs_(std::make_unique<Stubs>()) {}
GrpcTransactionPeers::~GrpcTransactionPeers() = default;

void GrpcTransactionPeers::write_markers(const cluster::Broker& to, NumberedMarkers markers,
                                         env::Duration timeout,
                                         Callback<Result<protocol::WriteTxnMarkersResponse>> done) {
  if (!to.grpc_endpoint) return std::move(done)(fail(ErrorCode::NetworkException));
  auto encoded = protocol::encode_versioned(markers.request, kMarkersVersion);
  if (!encoded) return std::move(done)(fail(std::move(encoded).error()));
  proto::NumberedMarkers message;
  message.set_sender(markers.sender.value());
  message.set_sender_nonce(markers.sender_nonce);
  message.set_receiver_nonce(markers.receiver_nonce);
  message.set_number(markers.number);
  message.set_request(*std::move(encoded));
  using Async = proto::Transactions::StubInterface::async_interface;
  const auto stub = stubs_->to(*to.grpc_endpoint);
  call_unary<Async>(*stub->async(), std::move(message), timeout, &Async::WriteMarkers,
                    as_kafkas<protocol::WriteTxnMarkersResponse>(
                        [stub, done = std::move(done)](auto result) mutable {
                          std::move(done)(std::move(result));
                        }));
}

void GrpcTransactionPeers::add_partitions(
    const cluster::Broker& to, protocol::AddPartitionsToTxnRequest request, env::Duration timeout,
    Callback<Result<protocol::AddPartitionsToTxnResponse>> done) {
  if (!to.grpc_endpoint) return std::move(done)(fail(ErrorCode::NetworkException));
  auto encoded = protocol::encode_versioned(request, kAddPartitionsVersion);
  if (!encoded) return std::move(done)(fail(std::move(encoded).error()));
  proto::KafkaMessage message;
  message.set_bytes(*std::move(encoded));
  using Async = proto::Transactions::StubInterface::async_interface;
  const auto stub = stubs_->to(*to.grpc_endpoint);
  call_unary<Async>(*stub->async(), std::move(message), timeout, &Async::AddPartitions,
                    as_kafkas<protocol::AddPartitionsToTxnResponse>(
                        [stub, done = std::move(done)](auto result) mutable {
                          std::move(done)(std::move(result));
                        }));
}

}  // namespace ottla::rpc
