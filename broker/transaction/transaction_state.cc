#include "broker/transaction/transaction_state.h"

namespace ottla::transaction {

std::string_view name_of(TransactionState state) {
  switch (state) {
    case TransactionState::Empty:
      return "Empty";
    case TransactionState::Ongoing:
      return "Ongoing";
    case TransactionState::PrepareCommit:
      return "PrepareCommit";
    case TransactionState::PrepareAbort:
      return "PrepareAbort";
    case TransactionState::CompleteCommit:
      return "CompleteCommit";
    case TransactionState::CompleteAbort:
      return "CompleteAbort";
    case TransactionState::Dead:
      return "Dead";
    case TransactionState::PrepareEpochFence:
      return "PrepareEpochFence";
  }
  return "";
}

std::optional<TransactionState> transaction_state_named(std::string_view name) {
  for (const TransactionState state : kTransactionStates) {
    if (name_of(state) == name) return state;
  }
  return std::nullopt;
}

bool may_follow(TransactionState before, TransactionState after) {
  switch (after) {
    case TransactionState::Empty:
    case TransactionState::Dead:
      return is_at_rest(before);
    case TransactionState::Ongoing:
      return is_at_rest(before) || before == TransactionState::Ongoing;
    case TransactionState::PrepareCommit:
      return before == TransactionState::Ongoing;
    case TransactionState::PrepareAbort:
      return is_at_rest(before) || before == TransactionState::Ongoing;
    case TransactionState::CompleteCommit:
      return before == TransactionState::PrepareCommit;
    case TransactionState::CompleteAbort:
      return before == TransactionState::PrepareAbort;
    case TransactionState::PrepareEpochFence:
      return false;
  }
  return false;
}

}  // namespace ottla::transaction
