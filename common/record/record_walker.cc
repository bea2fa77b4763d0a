#include "common/record/record_walker.h"

#include <limits>
#include <utility>

namespace ottla::record {
namespace {

constexpr std::size_t kWindowLimit = std::size_t{16} << 10;
/// A batch's length is an int32, so no plain batch can hold more.
constexpr std::uint64_t kMaxUncompressedBatch = std::numeric_limits<std::int32_t>::max();

}  // namespace

Result<RecordWalker> RecordWalker::open(const RecordBatchView& batch) {
  const std::int32_t count = batch.record_count().value_or(-1);
  if (count < 0) return fail(ErrorCode::InvalidRecord);
  OTTLA_TRY(auto input, RecordInput::open(batch.codec(), batch.records(), kWindowLimit));
  return RecordWalker(std::move(input), count);
}

bool RecordWalker::next(RecordOutline& outline) {
  if (failure_ != ErrorCode::None) return false;
  if (records_left_ == 0) {
    const bool clean_end = input_.at_end() && input_.failure() == ErrorCode::None;
    if (!clean_end) {
      failure_ = input_.failure() != ErrorCode::None ? input_.failure() : ErrorCode::InvalidRecord;
    }
    return false;
  }
  --records_left_;
  if (walk(outline)) return true;
  failure_ = input_.failure() != ErrorCode::None ? input_.failure() : ErrorCode::InvalidRecord;
  return false;
}

bool RecordWalker::walk(RecordOutline& outline) {
  std::int32_t length = 0;
  if (!input_.varint(length) || length < 0) return false;
  const std::uint64_t end = input_.position() + static_cast<std::uint64_t>(length);
  if (end > kMaxUncompressedBatch) return false;
  std::int32_t header_count = 0;
  std::int32_t value_length = 0;
  std::int32_t key_length = 0;
  if (!input_.skip(1)) return false;  // attributes: none are defined
  if (!input_.varlong(outline.timestamp_delta) || !input_.varint(outline.offset_delta)) {
    return false;
  }
  if (!skip_nullable(end, key_length) || !skip_nullable(end, value_length)) return false;
  outline.has_key = key_length >= 0;
  if (!input_.varint(header_count) || header_count < 0) return false;
  for (; header_count > 0; --header_count) {
    if (input_.position() >= end || !skip_nullable(end, key_length) || key_length < 0) return false;
    if (!skip_nullable(end, value_length)) return false;
  }
  return input_.position() == end;
}

bool RecordWalker::skip_nullable(std::uint64_t end, std::int32_t& length) {
  if (!input_.varint(length)) return false;
  if (length <= 0) return true;
  const auto size = static_cast<std::uint64_t>(length);
  return input_.position() + size <= end && input_.skip(size);
}

}  // namespace ottla::record
