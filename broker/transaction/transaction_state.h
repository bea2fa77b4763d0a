#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ottla::transaction {

/// Kafka's numbers, as they stand in __transaction_state. PrepareEpochFence never gets there: it
/// is known because operators may filter by its name.
enum class TransactionState : std::int8_t {
  Empty = 0,
  Ongoing = 1,
  PrepareCommit = 2,
  PrepareAbort = 3,
  CompleteCommit = 4,
  CompleteAbort = 5,
  Dead = 6,
  PrepareEpochFence = 7,
};

inline constexpr std::array<TransactionState, 8> kTransactionStates = {
    TransactionState::Empty,          TransactionState::Ongoing,
    TransactionState::PrepareCommit,  TransactionState::PrepareAbort,
    TransactionState::CompleteCommit, TransactionState::CompleteAbort,
    TransactionState::Dead,           TransactionState::PrepareEpochFence};

[[nodiscard]] std::string_view name_of(TransactionState state);
[[nodiscard]] std::optional<TransactionState> transaction_state_named(std::string_view name);

/// The end is decided and not yet written everywhere.
[[nodiscard]] constexpr bool is_ending(TransactionState state) {
  return state == TransactionState::PrepareCommit || state == TransactionState::PrepareAbort;
}
/// Nothing is open.
[[nodiscard]] constexpr bool is_at_rest(TransactionState state) {
  return state == TransactionState::Empty || state == TransactionState::CompleteCommit ||
         state == TransactionState::CompleteAbort;
}
/// The table of docs/transactions.md.
[[nodiscard]] bool may_follow(TransactionState before, TransactionState after);

}  // namespace ottla::transaction
