#include "common/protocol/messages/end_txn.h"

#include <utility>

#include "broker/api/handlers.h"
#include "broker/api/transaction_errors.h"

namespace ottla::api {
namespace {

/// From this version on (transaction version 2).
constexpr std::int16_t kRaisesEpoch = 5;

}  // namespace

void handle_end_txn(Call call, Services& services) {
  auto request = decode_or_close<protocol::EndTxnRequest>(call);
  if (!request) return;
  transaction::EndRequest wanted{.transactional_id = std::move(request->transactional_id),
                                 .producer = {request->producer_id, request->producer_epoch},
                                 .commit = request->committed};
  // Where the epoch tells late requests it does not matter where they come from.
  if (call.version_at_least(kRaisesEpoch)) {
    wanted.protocol = transaction::EndProtocol::RaisesEpoch;
  } else {
    wanted.connection = call.connection().accepted;
  }
  services.transactions.end(
      std::move(wanted), [call = std::move(call)](const transaction::Answer& answered) mutable {
        if (answered.is_late) return call.responder.close_connection();
        protocol::EndTxnResponse response;
        response.error_code = known_to(call, kEndTxnKnowsFenced, answered.error);
        if (answered.error == ErrorCode::None) {
          response.producer_id = answered.producer.id;
          response.producer_epoch = answered.producer.epoch;
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
