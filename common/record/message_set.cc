#include "common/record/message_set.h"

#include <algorithm>

#include <glog/logging.h>

#include "common/base/checksum.h"

namespace ottla::record {
namespace {

constexpr std::size_t kCrcAt = 12;
constexpr std::size_t kMagicAt = 16;
constexpr std::byte kAppendTimeBit{0x08};

std::size_t key_position(std::int8_t magic) {
  return magic == kMagicV0 ? 18 : 26;
}

/// Length and bytes at `at`, which moves behind them; -1 is null.
bool read_nullable(ByteView message, std::size_t& at, std::optional<ByteView>& value) {
  if (message.size() - at < 4) return false;
  const auto length = load_big_endian<std::int32_t>(message.data() + at);
  at += 4;
  value.reset();
  if (length < 0) return true;
  const auto size = static_cast<std::size_t>(length);
  if (message.size() - at < size) return false;
  value = message.subspan(at, size);
  at += size;
  return true;
}

/// Everything before the value's bytes; the value's length and the CRC are put in by `end_message`.
std::size_t begin_message(GrowingBuffer& out, std::int8_t magic, Offset offset,
                          std::int64_t timestamp, std::byte attributes,
                          const std::optional<ByteView>& key) {
  const std::size_t start = out.size();
  out.append_big_endian(offset.value());
  out.append_big_endian(std::int32_t{0});
  out.append_big_endian(std::uint32_t{0});
  out.append_byte(static_cast<std::byte>(magic));
  out.append_byte(attributes);
  if (magic != kMagicV0) out.append_big_endian(timestamp);
  out.append_big_endian(key ? static_cast<std::int32_t>(key->size()) : -1);
  if (key) out.append(*key);
  return start;
}

void end_message(GrowingBuffer& out, std::size_t start) {
  const std::size_t size = out.size() - start;
  std::byte* const at = out.data() + start;
  store_big_endian(at + 8, static_cast<std::int32_t>(size - kLogOverhead));
  store_big_endian(at + kCrcAt, crc32(ByteView(at + kMagicAt, size - kMagicAt)));
}

}  // namespace

Result<Message> parse_message(const RecordBatchView& batch) {
  Message message;
  std::size_t at = key_position(batch.magic());
  const ByteView bytes = batch.bytes();
  if (!read_nullable(bytes, at, message.key) || !read_nullable(bytes, at, message.value)) {
    return fail(ErrorCode::UnknownServerError, "key or value reaches beyond its message");
  }
  return message;
}

Result<WrappedMessages> WrappedMessages::open(const RecordBatchView& wrapper,
                                              std::size_t buffer_limit) {
  if (wrapper.codec() > Codec::Lz4) {
    // Formats 0 and 1 are older than zstd; Kafka has no reader for such a wrapper.
    return fail(ErrorCode::InvalidRecord,
                "message set of an old format with a codec it cannot have");
  }
  OTTLA_TRY(const Message outer, parse_message(wrapper));
  if (!outer.value) return fail(ErrorCode::InvalidRecord, "compressed message without a value");
  const Lz4Header lz4 = wrapper.magic() == kMagicV0 ? Lz4Header::FormatV0 : Lz4Header::Standard;
  OTTLA_TRY(auto plain, decompress(wrapper.codec(), *outer.value, buffer_limit, lz4));

  std::optional<Offset> last;
  BatchIterator messages(plain->bytes());
  while (true) {
    OTTLA_TRY(const auto inner, messages.next());
    if (!inner) break;
    if (inner->magic() != wrapper.magic()) {
      return fail(ErrorCode::InvalidRecord, "compressed message set mixes formats");
    }
    if (inner->is_compressed()) {
      return fail(ErrorCode::InvalidRecord, "compressed message set inside another");
    }
    last = inner->base_offset();
  }
  if (!last) return fail(ErrorCode::InvalidRecord, "compressed message set without a message");

  WrappedMessages messages_inside(std::move(plain));
  messages_inside.magic_ = wrapper.magic();
  if (wrapper.magic() == kMagicV1) {
    const std::int64_t base = wrapping_subtract(wrapper.base_offset().value(), last->value());
    messages_inside.shift_ = std::max<std::int64_t>(base, 0);
    if (wrapper.timestamp_type() == TimestampType::LogAppendTime) {
      messages_inside.log_append_time_ = wrapper.max_timestamp();
    }
  }
  return messages_inside;
}

Result<std::optional<RecordBatchView>> WrappedMessages::next() {
  BatchIterator messages(std::as_const(*plain_).bytes().subspan(position_));
  auto inner = messages.next();
  position_ += messages.position();
  return inner;
}

Offset WrappedMessages::absolute_offset(const RecordBatchView& inner) const {
  return Offset(wrapping_add(inner.base_offset().value(), shift_));
}

std::int64_t WrappedMessages::timestamp(const RecordBatchView& inner) const {
  return log_append_time_.value_or(inner.max_timestamp());
}

MessageSetBuilder::MessageSetBuilder(const Options& options, GrowingBuffer& out)
    : options_(options), out_(out) {
  CHECK(options.magic == kMagicV0 || options.magic == kMagicV1);
}

void MessageSetBuilder::append(Offset offset, std::int64_t timestamp, std::optional<ByteView> key,
                               std::optional<ByteView> value) {
  if (count_ == 0) first_offset_ = offset;
  ++count_;
  last_offset_ = offset;
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  const bool wrapped = options_.codec != Codec::None;
  const bool append_time = options_.timestamp_type == TimestampType::LogAppendTime;
  std::byte attributes{0};
  if (append_time && options_.magic == kMagicV1) {
    attributes = kAppendTimeBit;
    timestamp = options_.log_append_time;
  }
  GrowingBuffer& target = wrapped ? inner_ : out_;
  const bool relative = wrapped && options_.magic == kMagicV1;
  const Offset stored = relative ? Offset(offset - first_offset_) : offset;
  const std::size_t start =
      begin_message(target, options_.magic, stored, timestamp, attributes, key);
  target.append_big_endian(value ? static_cast<std::int32_t>(value->size()) : -1);
  if (value) target.append(*value);
  end_message(target, start);
}

Result<void> MessageSetBuilder::finish() {
  if (options_.codec == Codec::None || count_ == 0) return {};
  if (options_.codec > Codec::Lz4) {
    return fail(ErrorCode::UnsupportedCompressionType, "zstd needs record format 2");
  }
  const bool append_time = options_.timestamp_type == TimestampType::LogAppendTime;
  auto attributes = static_cast<std::byte>(options_.codec);
  if (append_time && options_.magic == kMagicV1) attributes |= kAppendTimeBit;
  const std::size_t start =
      begin_message(out_, options_.magic, last_offset_,
                    append_time ? options_.log_append_time : max_timestamp_, attributes, {});
  const std::size_t length_at = out_.size();
  out_.append_big_endian(std::int32_t{0});
  const Lz4Header lz4 = options_.magic == kMagicV0 ? Lz4Header::FormatV0 : Lz4Header::Standard;
  OTTLA_TRY_VOID(compress(options_.codec, options_.compression_level, inner_.bytes(), out_, lz4));
  store_big_endian(out_.data() + length_at, static_cast<std::int32_t>(out_.size() - length_at - 4));
  end_message(out_, start);
  return {};
}

}  // namespace ottla::record
