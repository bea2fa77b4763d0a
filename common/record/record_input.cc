#include "common/record/record_input.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ottla::record {
namespace {

constexpr std::size_t kWindowSize = std::size_t{16} << 10;

}  // namespace

Result<RecordInput> RecordInput::open(Codec codec, ByteView bytes, std::size_t window_limit) {
  RecordInput input;
  if (codec == Codec::None) {
    input.at_ = input.start_ = bytes.data();
    input.end_ = bytes.data() + bytes.size();
    return input;
  }
  OTTLA_TRY(input.source_, Decompressor::open(codec, bytes));
  input.window_limit_ = window_limit;
  input.exhausted_ = false;
  return input;
}

bool RecordInput::fill(std::size_t count) {
  if (exhausted_ || held() >= count) return true;
  const std::size_t kept = held();
  taken_before_ += static_cast<std::uint64_t>(at_ - start_);
  if (!window_ || window_->size() < count) {
    const std::size_t doubled = window_ ? window_->size() * 2 : kWindowSize;
    auto larger = std::make_unique<Buffer>(std::max(count, std::min(doubled, window_limit_)));
    if (kept > 0) std::memcpy(larger->data(), at_, kept);
    window_ = std::move(larger);
  } else if (kept > 0) {
    std::memmove(window_->data(), at_, kept);
  }
  at_ = start_ = window_->data();
  std::size_t filled = kept;
  while (filled < count) {
    auto got = source_->read(window_->bytes().subspan(filled));
    if (!got) {
      end_ = at_ + filled;
      exhausted_ = true;
      return fail_with(got.error().code());
    }
    filled += *got;
    if (*got == 0) {
      exhausted_ = true;
      break;
    }
  }
  end_ = at_ + filled;
  return true;
}

bool RecordInput::long_varint(std::int32_t& value) {
  std::uint64_t raw = 0;
  if (!unsigned_varint(raw, 5)) return false;
  const auto low = static_cast<std::uint32_t>(raw);
  value = static_cast<std::int32_t>((low >> 1) ^ (0U - (low & 1U)));
  return true;
}

bool RecordInput::unsigned_varint(std::uint64_t& raw, int max_bytes) {
  if (held() < static_cast<std::size_t>(max_bytes) && !fill(static_cast<std::size_t>(max_bytes))) {
    return false;
  }
  raw = 0;
  for (int i = 0; i < max_bytes; ++i) {
    if (at_ == end_) return fail_with(ErrorCode::InvalidRecord);
    const auto byte = static_cast<std::uint64_t>(*at_++);
    raw |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return true;
  }
  return fail_with(ErrorCode::InvalidRecord);
}

bool RecordInput::skip_beyond(std::uint64_t count) {
  while (count > held()) {
    count -= held();
    at_ = end_;
    if (exhausted_) return fail_with(ErrorCode::InvalidRecord);
    if (!fill(1)) return false;
  }
  at_ += count;
  return true;
}

bool RecordInput::take(std::size_t count, ByteView& bytes) {
  if (count > held()) {
    if (exhausted_) return fail_with(ErrorCode::InvalidRecord);
    // Grow step by step: a claimed length is believed only as far as bytes really come.
    for (std::size_t step = std::min(count, std::max(kWindowSize, held() * 2)); held() < count;
         step = std::min(count, step * 2)) {
      if (step > window_limit_) return fail_with(ErrorCode::MessageTooLarge);
      if (!fill(step)) return false;
      if (held() < step) return fail_with(ErrorCode::InvalidRecord);
    }
  }
  bytes = ByteView(at_, count);
  at_ += count;
  return true;
}

bool RecordInput::at_end() {
  if (at_ != end_) return false;
  return !fill(1) || at_ == end_;
}

}  // namespace ottla::record
