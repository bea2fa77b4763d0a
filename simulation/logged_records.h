#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/base/payload.h"
#include "common/env/clock.h"

namespace ottla::record {
struct BatchOptions;
}
namespace ottla::storage {
class Log;
}

namespace ottla::simulation {

/// A record of the workload: who wrote it, and its number among those of this writer.
struct Value {
  std::int32_t producer = -1;
  std::int64_t number = -1;

  friend auto operator<=>(const Value&, const Value&) = default;
  [[nodiscard]] std::string to_string() const {
    return "p" + std::to_string(producer) + "#" + std::to_string(number);
  }
};
/// Stand for a writer where the record is none of the workload's; odd, as who is not idempotent.
inline constexpr std::int32_t kCommitMarker = -3;
inline constexpr std::int32_t kAbortMarker = -5;
inline constexpr std::int32_t kCoordinatorsRecord = -7;

/// A batch of the workload's records, all of this time.
[[nodiscard]] std::vector<std::byte> encode_records(const std::vector<Value>& values,
                                                    const record::BatchOptions& options,
                                                    env::WallTimeMs timestamp);

/// A record as a log holds it.
struct LoggedRecord {
  Offset offset;
  LeaderEpoch leader_epoch;
  Value value;

  friend bool operator==(const LoggedRecord&, const LoggedRecord&) = default;
};

/// The records of whole batches that stand one after another.
[[nodiscard]] Result<std::vector<LoggedRecord>> decode_records(ByteView batches);
/// The records in the segment files of a log that no process runs: up to the first torn batch,
/// where recovery cuts.
[[nodiscard]] std::vector<LoggedRecord> decode_segments(const std::vector<std::string>& segments);
/// The records of a log from `from` on, up to its end.
[[nodiscard]] Result<std::vector<LoggedRecord>> read_records(const storage::Log& log, Offset from);
/// The bytes of a payload that has no file descriptors.
[[nodiscard]] std::vector<std::byte> bytes_of(const Payload& payload);

}  // namespace ottla::simulation
