#include "common/protocol/reader.h"

namespace ottla::protocol {
namespace {

constexpr std::int64_t kMaxStringLength = std::numeric_limits<std::int16_t>::max();

}  // namespace

void Reader::fail(const char* reason) {
  if (failed_) return;
  failed_ = true;
  reason_ = reason;
  failed_at_ = position();
  at_ = end_;
}

Error Reader::error(std::string_view message, ApiVersion version) const {
  return Error(ErrorCode::InvalidRequest, std::string(message) + " v" +
                                              std::to_string(version.value()) + ": byte " +
                                              std::to_string(failed_at_) + ": " + reason_);
}

void Reader::read(Uuid& to) {
  const std::byte* at = take(16);
  to = at != nullptr ? Uuid::load(at) : Uuid{};
}

std::int64_t Reader::string_length() {
  const std::int64_t length = flexible_ ? std::int64_t{read_unsigned_varint()} - 1
                                        : std::int64_t{read_integer<std::int16_t>()};
  if (length > kMaxStringLength) fail("a string is longer than 32767 bytes");
  return length;
}

std::int64_t Reader::bytes_length() {
  return flexible_ ? std::int64_t{read_unsigned_varint()} - 1
                   : std::int64_t{read_integer<std::int32_t>()};
}

void Reader::take_string(std::string& to, std::int64_t length) {
  const auto size = static_cast<std::size_t>(length);
  const std::byte* at = take(size);
  if (at != nullptr) to.assign(reinterpret_cast<const char*>(at), size);
}

void Reader::read(std::string& to) {
  const std::int64_t length = string_length();
  if (failed_) return;
  if (length < 0) return fail("null for a string that cannot be null");
  take_string(to, length);
}

void Reader::read_nullable(std::optional<std::string>& to, bool allowed) {
  const std::int64_t length = string_length();
  to.reset();
  if (failed_) return;
  if (length >= 0) return take_string(to.emplace(), length);
  if (!allowed) fail("null for a string that cannot be null");
}

void Reader::read_classic(std::optional<std::string>& to) {
  const std::int64_t length = read_integer<std::int16_t>();
  to.reset();
  if (!failed_ && length >= 0) take_string(to.emplace(), length);
}

void Reader::read(ByteView& to) {
  std::optional<ByteView> bytes;
  read_nullable(bytes, false);
  to = bytes.value_or(ByteView{});
}

void Reader::read_nullable(std::optional<ByteView>& to, bool allowed) {
  const std::int64_t length = bytes_length();
  to.reset();
  if (failed_) return;
  if (length < 0) {
    if (!allowed) fail("null for bytes that cannot be null");
    return;
  }
  const auto size = static_cast<std::size_t>(length);
  const std::byte* at = take(size);
  if (at != nullptr) to.emplace(at, size);
}

void Reader::read(Records& to) {
  std::optional<ByteView> bytes;
  read_nullable(bytes, true);
  if (!writable_) fail("records need a writable buffer");
  if (failed_ || !bytes) {
    to = Records();
    return;
  }
  // The bytes came in through the constructor that takes a MutableByteView.
  to = Records(MutableByteView(const_cast<std::byte*>(bytes->data()), bytes->size()));
}

std::int64_t Reader::array_count(std::size_t smallest, std::size_t element) {
  const std::int64_t count = bytes_length();
  if (failed_ || count < 0) return -1;
  if (static_cast<std::uint64_t>(count) > remaining() / smallest) {
    fail("an array has more elements than the message has bytes for");
    return 0;
  }
  const std::size_t room = static_cast<std::size_t>(count) * element;
  if (room > array_room_) {
    fail("the arrays would take too much memory");
    return 0;
  }
  array_room_ -= room;
  return count;
}

bool Reader::begin_struct(bool allowed) {
  const bool present = read_integer<std::int8_t>() >= 0;
  if (failed_) return false;
  if (!present && !allowed) fail("null for a struct that cannot be null");
  return present;
}

std::uint32_t Reader::read_unsigned_varint() {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    const std::byte* at = take(1);
    if (at == nullptr) return 0;
    const auto byte = std::to_integer<std::uint32_t>(*at);
    if (shift == 28 && byte > 0x0F) break;
    value |= (byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  fail("a varint does not fit 32 bits");
  return 0;
}

std::int32_t Reader::read_varint() {
  const std::uint32_t zigzag = read_unsigned_varint();
  return static_cast<std::int32_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
}

std::int64_t Reader::read_varlong() {
  std::uint64_t zigzag = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    const std::byte* at = take(1);
    if (at == nullptr) return 0;
    const auto byte = std::to_integer<std::uint64_t>(*at);
    if (shift == 63 && byte > 0x01) break;
    zigzag |= (byte & 0x7F) << shift;
    if (byte < 0x80) return static_cast<std::int64_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  }
  fail("a varlong does not fit 64 bits");
  return 0;
}

void Reader::skip_tagged_fields() {
  for (TaggedFields tags(*this); tags.next();) tags.skip();
}

TaggedFields::TaggedFields(Reader& in)
    : in_(in), end_(in.end_), left_(in.flexible_ ? in.read_unsigned_varint() : 0) {}

bool TaggedFields::next() {
  if (inside_) {
    if (!in_.failed_ && in_.at_ != in_.end_) in_.fail("a tagged field is longer than its value");
    in_.end_ = end_;
    if (in_.failed_) in_.at_ = end_;
    inside_ = false;
  }
  if (in_.failed_ || left_ == 0) return false;
  --left_;
  tag_ = in_.read_unsigned_varint();
  const std::uint32_t size = in_.read_unsigned_varint();
  if (!in_.failed_ && size > in_.remaining()) in_.fail("the message ends too early");
  if (in_.failed_) return false;
  in_.end_ = in_.at_ + size;
  inside_ = true;
  return true;
}

}  // namespace ottla::protocol
