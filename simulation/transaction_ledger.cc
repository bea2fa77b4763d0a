#include "simulation/transaction_ledger.h"

namespace ottla::simulation {

TransactionLedger::Attempt TransactionLedger::begin(std::int32_t copier, std::int64_t first,
                                                    std::int64_t end) {
  transactions_.push_back({.copier = copier, .first = first, .end = end});
  return static_cast<Attempt>(transactions_.size()) - 1;
}

Value TransactionLedger::record(Attempt attempt, std::int64_t input) const {
  const std::int32_t copier = transactions_.at(static_cast<std::size_t>(attempt)).copier;
  return {kFirstCopier + 2 * copier, attempt * kMostInputs + input};
}

std::optional<Complaint> TransactionLedger::show(const TopicPartition& output, const Value& value) {
  const Attempt attempt = value.number / kMostInputs;
  const std::int64_t input = value.number % kMostInputs;
  Transaction& transaction = at(attempt);
  const std::string what = output.to_string() + " shows input " + std::to_string(input) +
                           " of copier " + std::to_string(transaction.copier) + ", transaction " +
                           std::to_string(attempt);
  if (!transaction.asked) {
    return Complaint{"aborted_is_never_read", what + ", whose commit nobody asked for"};
  }
  std::int64_t& next = next_input_[{transaction.copier, output}];
  if (input != next) {
    return Complaint{"each_input_once", what + ", where " + std::to_string(next) + " is next"};
  }
  ++next;
  ++transaction.shown[output];
  return std::nullopt;
}

std::int64_t TransactionLedger::shown(std::int32_t copier, const TopicPartition& output) const {
  const auto found = next_input_.find({copier, output});
  return found == next_input_.end() ? 0 : found->second;
}

std::optional<Complaint> TransactionLedger::check_whole(
    const std::vector<TopicPartition>& outputs) const {
  for (std::size_t attempt = 0; attempt < transactions_.size(); ++attempt) {
    const Transaction& transaction = transactions_[attempt];
    const std::int64_t inputs = transaction.end - transaction.first;
    const std::int64_t expected = transaction.committed || !transaction.shown.empty() ? inputs : 0;
    for (const TopicPartition& output : outputs) {
      const auto found = transaction.shown.find(output);
      const std::int64_t shown = found == transaction.shown.end() ? 0 : found->second;
      if (shown == expected) continue;
      return Complaint{"all_or_none",
                       "transaction " + std::to_string(attempt) + " of copier " +
                           std::to_string(transaction.copier) +
                           (transaction.committed ? ", committed as its copier was told" : "") +
                           ": " + output.to_string() + " shows " + std::to_string(shown) + " of " +
                           std::to_string(inputs) + " records"};
    }
  }
  return std::nullopt;
}

TransactionLedger::Counts TransactionLedger::counts() const {
  Counts counts{.begun = transactions_.size()};
  for (const Transaction& transaction : transactions_) {
    counts.committed += transaction.committed ? 1 : 0;
    counts.shown += transaction.shown.empty() ? 0 : 1;
  }
  return counts;
}

}  // namespace ottla::simulation
