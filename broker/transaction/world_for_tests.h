#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/transaction/coordinator_core.h"
#include "common/testing/manual_clock.h"

namespace ottla::transaction {

/// Partitions of __transaction_state in memory. Appends succeed inside the call, or are held until
/// the test lets them go, in order.
class MemoryLog final : public TransactionLog {
 public:
  struct Append {
    std::int32_t partition;
    LeaderEpoch epoch;
    std::vector<LogRecord> records;
    Callback<ErrorCode> done;
  };

  void append(std::int32_t partition, LeaderEpoch epoch, std::vector<LogRecord> records,
              Callback<ErrorCode> done) override {
    if (refuse_with != ErrorCode::None) return std::move(done)(refuse_with);
    if (hold) return held.push_back({partition, epoch, std::move(records), std::move(done)});
    write(partition, std::move(records));
    std::move(done)(ErrorCode::None);
  }
  void release(ErrorCode outcome = ErrorCode::None) {
    Append append = std::move(held.front());
    held.pop_front();
    if (outcome == ErrorCode::None) write(append.partition, std::move(append.records));
    std::move(append.done)(outcome);
  }
  void write(std::int32_t partition, std::vector<LogRecord> records) {
    for (LogRecord& record : records) logs[partition].push_back(std::move(record));
  }
  /// What a coordinator that reads the log now finds.
  [[nodiscard]] LoadedTransactions load(std::int32_t partition) const {
    LoadedTransactions loaded;
    const auto found = logs.find(partition);
    if (found == logs.end()) return loaded;
    for (const LogRecord& record : found->second) {
      std::optional<ByteView> value;
      if (record.value) value = as_bytes(*record.value);
      auto entry = decode_entry(as_bytes(record.key), value).value().value();
      if (entry.image) {
        loaded[entry.transactional_id] = *std::move(entry.image);
      } else {
        loaded.erase(entry.transactional_id);
      }
    }
    return loaded;
  }

  std::map<std::int32_t, std::vector<LogRecord>> logs;
  std::deque<Append> held;
  bool hold = false;
  ErrorCode refuse_with = ErrorCode::None;
};

/// Markers are written inside the call, or held until the test answers them.
class MemoryMarkers final : public MarkerChannel {
 public:
  struct Write {
    replica::TransactionMarker marker;
    Callback<std::vector<MarkerOutcome>> done;
  };

  void write(replica::TransactionMarker marker,
             Callback<std::vector<MarkerOutcome>> done) override {
    sent.push_back(marker);
    if (hold) return held.push_back({std::move(marker), std::move(done)});
    std::move(done)(std::vector(marker.partitions.size(), MarkerOutcome::Written));
  }
  void release(std::vector<MarkerOutcome> outcomes) {
    Write write = std::move(held.front());
    held.pop_front();
    std::move(write.done)(std::move(outcomes));
  }
  void release(MarkerOutcome outcome = MarkerOutcome::Written) {
    release(std::vector(held.front().marker.partitions.size(), outcome));
  }

  std::vector<replica::TransactionMarker> sent;
  std::deque<Write> held;
  bool hold = false;
};

class CountingIds final : public ProducerIdSource {
 public:
  void next(Callback<Result<ProducerId>> done) override {
    if (fail_with != ErrorCode::None) return std::move(done)(fail(fail_with));
    std::move(done)(ProducerId(++last));
  }
  std::int64_t last = 999;
  ErrorCode fail_with = ErrorCode::None;
};

}  // namespace ottla::transaction
