#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "broker/group/coordinator_core.h"

namespace ottla::group {

/// Partitions of __consumer_offsets in memory. Appends succeed inside the call, or are held until
/// the test lets them go, in order.
class MemoryLog final : public OffsetsLog {
 public:
  struct Append {
    std::int32_t partition;
    LeaderEpoch epoch;
    Offset base_offset;
    Callback<Outcome> done;
  };

  void append(std::int32_t partition, LeaderEpoch epoch, std::vector<LogRecord> records,
              const std::optional<CommittingTransaction>& transaction,
              Callback<Outcome> done) override {
    last_transaction = transaction;
    if (fail_with != ErrorCode::None) return std::move(done)({.error = fail_with});
    auto& log = logs[partition];
    const Offset base(static_cast<std::int64_t>(log.size()));
    for (LogRecord& record : records) log.push_back(std::move(record));
    if (!hold) return std::move(done)({.base_offset = base});
    held.push_back({partition, epoch, base, std::move(done)});
  }

  void release(ErrorCode error = ErrorCode::None) {
    Append append = std::move(held.front());
    held.pop_front();
    std::move(append.done)({.error = error, .base_offset = append.base_offset});
  }
  void release_all() {
    while (!held.empty()) release();
  }

  std::map<std::int32_t, std::vector<LogRecord>> logs;
  std::deque<Append> held;
  std::optional<CommittingTransaction> last_transaction;
  bool hold = false;
  ErrorCode fail_with = ErrorCode::None;
};

}  // namespace ottla::group
