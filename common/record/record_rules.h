#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/record/validation.h"

namespace ottla::record {

/// What a topic demands of each record of an append, and the list of those that failed.
///
/// Thread: one.
class RecordRules {
 public:
  explicit RecordRules(const ValidationOptions& options) : options_(options) {}

  /// Checks the next record. `timestamp` is the effective one; `batch_type` the type its batch
  /// claims.
  void check(std::int64_t timestamp, bool has_key, TimestampType batch_type) {
    const std::int32_t index = count_++;
    if (options_.compacted && !has_key) [[unlikely]] {
      refuse_null_key(index);
      return;
    }
    if (options_.timestamp_type == TimestampType::CreateTime && timestamp != kNoTimestamp) {
      if (out_of_range(timestamp)) [[unlikely]]
        refuse_timestamp(index, timestamp);
    } else if (batch_type == TimestampType::LogAppendTime) [[unlikely]] {
      refuse_timestamp_type(index);
    }
  }

  [[nodiscard]] std::int32_t count() const { return count_; }
  /// Whether records were refused, and how that is answered.
  [[nodiscard]] std::optional<ValidationFailure> failure();

 private:
  [[nodiscard]] bool out_of_range(std::int64_t timestamp) const;
  void refuse_null_key(std::int32_t index);
  void refuse_timestamp(std::int32_t index, std::int64_t timestamp);
  void refuse_timestamp_type(std::int32_t index);
  void add(std::int32_t index, std::string message);

  const ValidationOptions& options_;
  std::int32_t count_ = 0;
  std::int32_t refused_ = 0;
  std::int64_t without_key_ = 0;
  bool bad_timestamp_ = false;
  std::vector<RecordError> errors_;
};

}  // namespace ottla::record
