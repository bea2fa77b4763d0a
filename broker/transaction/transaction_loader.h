#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "broker/transaction/coordinator_core.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/record/record_batch.h"

namespace ottla::transaction {

/// Builds the transactional ids of one partition of __transaction_state from its log. What cannot
/// be understood is told and left out (W29). Thread: one.
class TransactionLoader {
 public:
  /// In the log's order.
  void add(const record::RecordBatchView& batch);

  /// The ids as they stand at the end of what was added; the loader is spent.
  [[nodiscard]] LoadedTransactions finish() { return std::move(loaded_); }

  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }

 private:
  Result<> add_record(std::optional<ByteView> key, std::optional<ByteView> value);
  void count_unreadable(const record::RecordBatchView& batch, const Error& error);

  LoadedTransactions loaded_;
  std::uint64_t records_ = 0;
  std::uint64_t unreadable_ = 0;
};

}  // namespace ottla::transaction
