#include "common/protocol/writer.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

namespace ottla::protocol {
namespace {

constexpr std::size_t kMaxStringLength = std::numeric_limits<std::int16_t>::max();

}  // namespace

void Writer::new_chunk(std::size_t least) {
  flush();
  chunk_ = std::make_shared<Buffer>(std::max(least, next_chunk_));
  next_chunk_ = std::min(next_chunk_ * 4, kLargestChunk);
  unsent_ = at_ = chunk_->data();
  end_ = at_ + chunk_->size();
}

void Writer::flush() {
  if (at_ == unsent_) return;
  payload_.append(MemoryRange{chunk_, ByteView(unsent_, at_)});
  unsent_ = at_;
}

Payload Writer::finish() {
  flush();
  chunk_.reset();
  unsent_ = at_ = end_ = nullptr;
  return std::exchange(payload_, Payload());
}

void Writer::write_raw(ByteView bytes) {
  while (!bytes.empty()) {
    if (at_ == end_) new_chunk(1);
    const std::size_t part = std::min(bytes.size(), static_cast<std::size_t>(end_ - at_));
    std::memcpy(at_, bytes.data(), part);
    at_ += part;
    bytes = bytes.subspan(part);
  }
}

void Writer::write_unsigned_varint(std::uint32_t value) {
  while (value >= 0x80) {
    *extend(1) = static_cast<std::byte>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  *extend(1) = static_cast<std::byte>(value);
}

void Writer::write_varint(std::int32_t value) {
  const auto bits = static_cast<std::uint32_t>(value);
  write_unsigned_varint((bits << 1) ^ static_cast<std::uint32_t>(value >> 31));
}

void Writer::write_varlong(std::int64_t value) {
  auto zigzag = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  while (zigzag >= 0x80) {
    *extend(1) = static_cast<std::byte>((zigzag & 0x7F) | 0x80);
    zigzag >>= 7;
  }
  *extend(1) = static_cast<std::byte>(zigzag);
}

void Writer::write_length(std::int64_t length) {
  if (length >= std::numeric_limits<std::int32_t>::max()) {
    return fail(ErrorCode::InvalidRequest, "an array or bytes of more than 2 GiB");
  }
  if (flexible_) {
    write_unsigned_varint(static_cast<std::uint32_t>(length + 1));
  } else {
    write(static_cast<std::int32_t>(length));
  }
}

void Writer::write_null_length(bool allowed) {
  if (!allowed) {
    return fail(ErrorCode::InvalidRequest, "null for a field that cannot be null in this version");
  }
  write_length(-1);
}

void Writer::write(std::string_view value) {
  if (value.size() > kMaxStringLength) {
    return fail(ErrorCode::InvalidRequest, "a string of " + std::to_string(value.size()) +
                                               " bytes: at most 32767 can be sent");
  }
  if (flexible_) {
    write_unsigned_varint(static_cast<std::uint32_t>(value.size() + 1));
  } else {
    write(static_cast<std::int16_t>(value.size()));
  }
  write_raw(as_bytes(value));
}

void Writer::write_nullable(const std::optional<std::string>& value, bool allowed) {
  if (value) return write(*value);
  if (!allowed) {
    return fail(ErrorCode::InvalidRequest, "null for a string that cannot be null in this version");
  }
  if (flexible_) {
    write_unsigned_varint(0);
  } else {
    write(std::int16_t{-1});
  }
}

void Writer::write_classic(const std::optional<std::string>& value) {
  const bool flexible = std::exchange(flexible_, false);
  write_nullable(value, true);
  flexible_ = flexible;
}

void Writer::write(ByteView value) {
  write_length(static_cast<std::int64_t>(value.size()));
  write_raw(value);
}

void Writer::write_nullable(const std::optional<ByteView>& value, bool allowed) {
  if (value) return write(*value);
  write_null_length(allowed);
}

void Writer::write(const Records& value) {
  if (value.is_null()) return write_null_length(true);
  if (value.payload() == nullptr) return write(ByteView(value.bytes()));
  write_length(static_cast<std::int64_t>(value.size()));
  flush();
  for (const PayloadPiece& piece : value.payload()->pieces()) {
    std::visit([this](const auto& range) { payload_.append(range); }, piece);
  }
}

bool Writer::begin_struct(bool present, bool allowed) {
  if (!present && !allowed) {
    fail(ErrorCode::InvalidRequest, "null for a struct that cannot be null in this version");
  }
  write(static_cast<std::int8_t>(present ? 1 : -1));
  return present;
}

Writer Writer::nested() const {
  Writer writer(64);
  writer.set_flexible(flexible_);
  return writer;
}

void Writer::write_tagged(std::uint32_t tag, Writer field) {
  if (field.error_) error_ = std::move(field.error_);
  write_unsigned_varint(tag);
  write_unsigned_varint(static_cast<std::uint32_t>(field.size()));
  // No schema has records in a tagged field: all pieces are memory, and short.
  const Payload content = field.finish();
  for (const PayloadPiece& piece : content.pieces()) {
    write_raw(std::get<MemoryRange>(piece).bytes);
  }
}

void Writer::fail_unsupported(std::string_view field, std::int16_t version) {
  fail(ErrorCode::UnsupportedVersion,
       std::string(field) + " cannot be told in version " + std::to_string(version));
}

void Writer::fail(ErrorCode code, std::string message) {
  if (!error_) error_.emplace(code, std::move(message));
}

Result<> Writer::status() const {
  if (error_) return ottla::fail(*error_);
  return {};
}

}  // namespace ottla::protocol
