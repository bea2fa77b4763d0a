#pragma once

#include <cstdint>

#include "common/base/error.h"
#include "common/record/record_batch.h"
#include "common/record/record_input.h"

namespace ottla::record {

/// What validation wants to know of a record.
struct RecordOutline {
  std::int32_t offset_delta = 0;
  std::int64_t timestamp_delta = 0;
  bool has_key = false;
};

/// Walks the records of a v2 batch without looking at keys, values and headers, and without holding
/// a record: a hostile batch that unpacks to gigabytes costs time only, and a small window. Checks
/// all lengths against each other. The batch must be whole and outlive the walker.
///
/// Thread: one.
class RecordWalker {
 public:
  /// Errors: InvalidRecord (count below 0), UnknownServerError (codec, data).
  [[nodiscard]] static Result<RecordWalker> open(const RecordBatchView& batch);

  /// The next record; false after the last, or when the batch is malformed, which `failure` tells.
  [[nodiscard]] bool next(RecordOutline& outline);

  /// None, InvalidRecord (structure, or more than 2^31-1 bytes unpacked), or UnknownServerError
  /// (compressed data is damaged).
  [[nodiscard]] ErrorCode failure() const { return failure_; }

 private:
  RecordWalker(RecordInput input, std::int32_t count)
      : input_(std::move(input)), records_left_(count) {}

  bool walk(RecordOutline& outline);
  bool skip_nullable(std::uint64_t end, std::int32_t& length);

  RecordInput input_;
  std::int32_t records_left_;
  ErrorCode failure_ = ErrorCode::None;
};

}  // namespace ottla::record
