#include "common/protocol/messages/list_transactions.h"

#include <utility>

#include "broker/api/handlers.h"

namespace ottla::api {

void handle_list_transactions(Call call, Services& services) {
  auto request = decode_or_close<protocol::ListTransactionsRequest>(call);
  if (!request) return;
  transaction::ListFilter filter{.states = std::move(request->state_filters),
                                 .producers = std::move(request->producer_id_filters),
                                 .longer_than_ms = request->duration_filter};
  services.transactions.list(
      std::move(filter),
      [call = std::move(call)](const transaction::TransactionList& list) mutable {
        protocol::ListTransactionsResponse response;
        response.error_code = list.error;
        response.unknown_state_filters = list.unknown_states;
        for (const auto& each : list.transactions) {
          auto& row = response.transaction_states.emplace_back();
          row.transactional_id = each.transactional_id;
          row.producer_id = each.image.producer_id;
          row.transaction_state = transaction::name_of(each.image.state);
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
