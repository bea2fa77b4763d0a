#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/topic_partition.h"
#include "simulation/logged_records.h"

namespace ottla::simulation {

/// A rule and how it is broken.
using Complaint = std::pair<std::string, std::string>;

/// What copiers did in their transactions, what they were told, and what readers of committed
/// records were shown. A copier writes each record of its input once to each output, in order.
class TransactionLedger {
 public:
  using Attempt = std::int64_t;

  /// A transaction that copies the inputs from `first` up to `end`, to each of the outputs.
  Attempt begin(std::int32_t copier, std::int64_t first, std::int64_t end);
  /// The copier asks for its commit. Without that nothing of it may ever be shown.
  void asks_for_commit(Attempt attempt) { at(attempt).asked = true; }
  /// A broker answers, this moment, that it is committed: all of it will be shown.
  void is_committed(Attempt attempt) { at(attempt).committed = true; }

  /// The record that stands for an input in an output.
  [[nodiscard]] Value record(Attempt attempt, std::int64_t input) const;
  /// Whether a copier wrote the record.
  [[nodiscard]] static bool is_copy(const Value& value) {
    return value.producer >= kFirstCopier && value.producer % 2 != 0;
  }

  /// A reader of committed records was shown a copy, in the order of the partition.
  std::optional<Complaint> show(const TopicPartition& output, const Value& value);
  /// How many inputs of the copier were shown in the output.
  [[nodiscard]] std::int64_t shown(std::int32_t copier, const TopicPartition& output) const;

  /// When nothing is open any more and all was read.
  [[nodiscard]] std::optional<Complaint> check_whole(
      const std::vector<TopicPartition>& outputs) const;

  struct Counts {
    std::uint64_t begun = 0;
    std::uint64_t committed = 0;  ///< As the copiers' coordinators said.
    std::uint64_t shown = 0;      ///< Transactions that readers saw.
  };
  [[nodiscard]] Counts counts() const;

 private:
  static constexpr std::int32_t kFirstCopier = 1001;
  static constexpr std::int64_t kMostInputs = 1'000'000;

  struct Transaction {
    std::int32_t copier = 0;
    std::int64_t first = 0;
    std::int64_t end = 0;
    bool asked = false;
    bool committed = false;
    std::map<TopicPartition, std::int64_t> shown{};
  };
  Transaction& at(Attempt attempt) { return transactions_.at(static_cast<std::size_t>(attempt)); }

  std::vector<Transaction> transactions_;
  std::map<std::pair<std::int32_t, TopicPartition>, std::int64_t> next_input_;
};

}  // namespace ottla::simulation
