#include "common/protocol/messages/init_producer_id.h"

#include <memory>
#include <utility>

#include "broker/api/handlers.h"
#include "broker/api/producer_ids.h"
#include "broker/api/transaction_errors.h"

namespace ottla::api {
namespace {

using protocol::InitProducerIdRequest;
using protocol::InitProducerIdResponse;

InitProducerIdResponse refuse(ErrorCode error) {
  InitProducerIdResponse response;
  response.error_code = error;
  response.producer_id = kNoProducerId;
  response.producer_epoch = kNoProducerEpoch;
  return response;
}

/// A client that recovers (KIP-360) names both its id and its epoch.
bool names_half_a_producer(const InitProducerIdRequest& request) {
  return (request.producer_id == kNoProducerId) != (request.producer_epoch == kNoProducerEpoch);
}

void init_transactional(Call call, Services& services, InitProducerIdRequest request) {
  transaction::InitProducerRequest wanted;
  wanted.transactional_id = *std::move(request.transactional_id);
  wanted.timeout_ms = request.transaction_timeout_ms;
  wanted.connection = call.connection().accepted;
  if (request.producer_id != kNoProducerId) {
    wanted.expected = {request.producer_id, request.producer_epoch};
  }
  services.transactions.init_producer(
      std::move(wanted),
      [call = std::move(call)](const transaction::InitializedProducer& answered) mutable {
        if (answered.error != ErrorCode::None) {
          return answer(call, refuse(known_to(call, kInitProducerIdKnowsFenced, answered.error)));
        }
        InitProducerIdResponse response;
        response.producer_id = answered.producer.id;
        response.producer_epoch = answered.producer.epoch;
        answer(call, response);
      });
}

}  // namespace

/// A producer without transactional id gets a new id each time, whatever it says of its old one.
/// Two-phase commit (KIP-939) is refused as by a Kafka 4.1 that has it switched off.
void handle_init_producer_id(Call call, Services& services) {
  auto request = decode_or_close<InitProducerIdRequest>(call);
  if (!request) return;
  if (names_half_a_producer(*request) ||
      (request->transactional_id && request->transactional_id->empty())) {
    return answer(call, refuse(ErrorCode::InvalidRequest));
  }
  if (request->transactional_id && request->enable2_pc) {
    return answer(call, refuse(ErrorCode::TransactionalIdAuthorizationFailed));
  }
  if (request->keep_prepared_txn) return answer(call, refuse(ErrorCode::UnsupportedVersion));
  if (request->transactional_id) {
    return init_transactional(std::move(call), services, *std::move(request));
  }
  services.producer_ids.next([call = std::move(call)](Result<ProducerId> id) mutable {
    if (!id) return answer(call, refuse(id.error().code()));
    InitProducerIdResponse response;
    response.producer_id = *id;
    response.producer_epoch = ProducerEpoch(0);
    answer(call, response);
  });
}

}  // namespace ottla::api
