#include "common/rpc/grpc_transaction_service.h"

#include <string>
#include <utility>

#include "common/protocol/versioned_bytes.h"
#include "common/rpc/pending_reply.h"
#include "proto/ottla/transactions.grpc.pb.h"

namespace ottla::rpc {
namespace {

constexpr std::int16_t kMarkersVersion = 1;
constexpr std::int16_t kAddPartitionsVersion = 5;

struct KafkaReply {
  std::string bytes;
};
void encode(KafkaReply& from, proto::KafkaMessage& to) {
  to.set_bytes(std::move(from.bytes));
}

template <class M>
Result<M> decode(const std::string& bytes) {
  OTTLA_TRY(const std::int16_t version, protocol::version_of(as_bytes(bytes)));
  return protocol::decode_versioned<M>(as_bytes(bytes), version);
}

/// Answers hold what the requests held, so they can be encoded; an empty one is no answer.
template <class Response>
Callback<Response> reply_to(grpc::ServerUnaryReactor* reactor, proto::KafkaMessage* message,
                            std::int16_t version) {
  return [pending = PendingReply<KafkaReply, proto::KafkaMessage>(reactor, message),
          version](const Response& response) mutable {
    std::move(pending)({protocol::encode_versioned(response, version).value_or("")});
  };
}

void refuse(grpc::ServerUnaryReactor* reactor, const Error& error) {
  reactor->Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, error.describe()));
}

class TransactionService final : public proto::Transactions::CallbackService {
 public:
  explicit TransactionService(TransactionControl& control) : control_(control) {}

  grpc::ServerUnaryReactor* WriteMarkers(grpc::CallbackServerContext* context,
                                         const proto::NumberedMarkers* message,
                                         proto::KafkaMessage* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    auto request = decode<protocol::WriteTxnMarkersRequest>(message->request());
    if (!request) {
      refuse(reactor, request.error());
      return reactor;
    }
    control_.write_markers(
        {.sender = BrokerId(message->sender()),
         .sender_nonce = message->sender_nonce(),
         .receiver_nonce = message->receiver_nonce(),
         .number = message->number(),
         .request = *std::move(request)},
        reply_to<protocol::WriteTxnMarkersResponse>(reactor, reply, kMarkersVersion));
    return reactor;
  }

  grpc::ServerUnaryReactor* AddPartitions(grpc::CallbackServerContext* context,
                                          const proto::KafkaMessage* message,
                                          proto::KafkaMessage* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    auto request = decode<protocol::AddPartitionsToTxnRequest>(message->bytes());
    if (!request) {
      refuse(reactor, request.error());
      return reactor;
    }
    control_.add_partitions(*std::move(request), reply_to<protocol::AddPartitionsToTxnResponse>(
                                                     reactor, reply, kAddPartitionsVersion));
    return reactor;
  }

 private:
  TransactionControl& control_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_transaction_service(TransactionControl& control) {
  return std::make_unique<TransactionService>(control);
}

}  // namespace ottla::rpc
