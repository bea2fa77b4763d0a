#include "common/record/record_rules.h"

#include <string>
#include <utility>

#include "common/record/record_batch.h"

namespace ottla::record {
namespace {

/// More are not listed: a hostile batch could ask for a million of them.
constexpr std::size_t kListedErrors = 1000;

}  // namespace

bool RecordRules::out_of_range(std::int64_t timestamp) const {
  const std::int64_t age = wrapping_subtract(options_.now_ms, timestamp);
  return age > options_.timestamp_before_max_ms ||
         wrapping_subtract(0, age) > options_.timestamp_after_max_ms;
}

void RecordRules::refuse_null_key(std::int32_t index) {
  ++without_key_;
  add(index, "a compacted topic needs a key in every record");
}

void RecordRules::refuse_timestamp(std::int32_t index, std::int64_t timestamp) {
  bad_timestamp_ = true;
  const std::int64_t first = wrapping_subtract(options_.now_ms, options_.timestamp_before_max_ms);
  const std::int64_t last = wrapping_add(options_.now_ms, options_.timestamp_after_max_ms);
  add(index, "timestamp " + std::to_string(timestamp) + " is outside of [" + std::to_string(first) +
                 ", " + std::to_string(last) +
                 "] (message.timestamp.before.max.ms, message.timestamp.after.max.ms)");
}

void RecordRules::refuse_timestamp_type(std::int32_t index) {
  bad_timestamp_ = true;
  add(index, "a producer must not set the timestamp type to LogAppendTime");
}

void RecordRules::add(std::int32_t index, std::string message) {
  ++refused_;
  if (errors_.size() < kListedErrors) errors_.push_back({index, std::move(message)});
}

std::optional<ValidationFailure> RecordRules::failure() {
  if (refused_ == 0) return std::nullopt;
  ValidationFailure failure;
  failure.code = bad_timestamp_ ? ErrorCode::InvalidTimestamp : ErrorCode::InvalidRecord;
  failure.message = std::to_string(refused_) + " of " + std::to_string(count_) +
                    " records were refused; the first: " + errors_.front().message;
  failure.record_errors = std::move(errors_);
  failure.records_without_key = without_key_;
  return failure;
}

}  // namespace ottla::record
