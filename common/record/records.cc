#include "common/record/records.h"

#include <utility>

#include "common/record/message_set.h"
#include "common/record/sequence.h"

namespace ottla::record {
namespace {

/// Decodes the inside of one record, whose bytes are all at hand.
class BodyDecoder {
 public:
  explicit BodyDecoder(ByteView body) : at_(body.data()), end_(body.data() + body.size()) {}

  bool skip_byte() { return bytes(1).has_value(); }
  bool varint(std::int32_t& value) {
    std::uint64_t raw = 0;
    if (!unsigned_varint(raw, 5)) return false;
    const auto low = static_cast<std::uint32_t>(raw);
    value = static_cast<std::int32_t>((low >> 1) ^ (0U - (low & 1U)));
    return true;
  }
  bool varlong(std::int64_t& value) {
    std::uint64_t raw = 0;
    if (!unsigned_varint(raw, 10)) return false;
    value = static_cast<std::int64_t>((raw >> 1) ^ (std::uint64_t{0} - (raw & 1U)));
    return true;
  }
  /// Length and bytes; a negative length is null.
  bool nullable(std::optional<ByteView>& value) {
    std::int32_t length = 0;
    if (!varint(length)) return false;
    value.reset();
    if (length < 0) return true;
    value = bytes(static_cast<std::size_t>(length));
    return value.has_value();
  }
  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] const std::byte* at() const { return at_; }

 private:
  bool unsigned_varint(std::uint64_t& raw, int max_bytes) {
    raw = 0;
    for (int i = 0; i < max_bytes && at_ != end_; ++i) {
      const auto byte = static_cast<std::uint64_t>(*at_++);
      raw |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return true;
    }
    return false;
  }
  std::optional<ByteView> bytes(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) < count) return std::nullopt;
    return ByteView(std::exchange(at_, at_ + count), count);
  }

  const std::byte* at_;
  const std::byte* end_;
};

bool decode_headers(BodyDecoder& body, HeaderList& headers) {
  std::int32_t count = 0;
  if (!body.varint(count) || count < 0) return false;
  const std::byte* const begin = body.at();
  for (std::int32_t i = 0; i < count; ++i) {
    std::optional<ByteView> key;
    std::optional<ByteView> value;
    if (!body.nullable(key) || !key || !body.nullable(value)) return false;
  }
  headers = HeaderList(ByteView(begin, body.at()), count);
  return true;
}

}  // namespace

void HeaderList::iterator::decode() {
  BodyDecoder decoder(ByteView(at_, end_));
  std::optional<ByteView> key;
  if (!decoder.nullable(key) || !key || !decoder.nullable(header_.value)) {
    left_ = 0;  // cannot be: the reader has decoded these bytes before
    return;
  }
  header_.key = as_text(*key);
  at_ = decoder.at();
}

RecordReader::RecordReader(const RecordBatchView& batch, RecordInput input)
    : batch_(batch), input_(std::move(input)) {}
RecordReader::RecordReader(RecordReader&&) noexcept = default;
RecordReader& RecordReader::operator=(RecordReader&&) noexcept = default;
RecordReader::~RecordReader() = default;

Result<RecordReader> RecordReader::open(const RecordBatchView& batch, std::size_t buffer_limit) {
  if (!batch.is_whole()) return fail(ErrorCode::CorruptMessage);
  if (batch.is_legacy()) {
    OTTLA_TRY(auto none, RecordInput::open(Codec::None, {}, 0));
    RecordReader reader(batch, std::move(none));
    reader.records_left_ = 1;
    if (batch.is_compressed()) {
      OTTLA_TRY(auto wrapped, WrappedMessages::open(batch, buffer_limit));
      reader.wrapped_ = std::make_unique<WrappedMessages>(std::move(wrapped));
    }
    return reader;
  }
  if (*batch.record_count() < 0) return fail(ErrorCode::InvalidRecord);
  OTTLA_TRY(auto input, RecordInput::open(batch.codec(), batch.records(), buffer_limit));
  RecordReader reader(batch, std::move(input));
  reader.records_left_ = *batch.record_count();
  return reader;
}

Result<bool> RecordReader::next(Record& record) {
  return batch_.is_legacy() ? next_message(record) : next_in_batch(record);
}

Result<bool> RecordReader::next_in_batch(Record& record) {
  if (records_left_ == 0) {
    if (input_.at_end()) {
      if (input_.failure() != ErrorCode::None) return fail(input_.failure());
      return false;
    }
    return fail(ErrorCode::InvalidRecord, "record batch holds more than its record count says");
  }
  const std::uint64_t start = input_.position();
  std::int32_t length = 0;
  ByteView bytes;
  if (!input_.varint(length)) return fail(input_.failure());
  if (length < 0) return fail(ErrorCode::InvalidRecord);
  if (!input_.take(static_cast<std::size_t>(length), bytes)) return fail(input_.failure());

  BodyDecoder body(bytes);
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0;
  if (!body.skip_byte() || !body.varlong(timestamp_delta) || !body.varint(offset_delta) ||
      !body.nullable(record.key) || !body.nullable(record.value) ||
      !decode_headers(body, record.headers) || !body.done()) {
    return fail(ErrorCode::InvalidRecord);
  }
  record.offset = Offset(wrapping_add(batch_.base_offset().value(), offset_delta));
  record.timestamp = batch_.timestamp_type() == TimestampType::LogAppendTime
                         ? batch_.max_timestamp()
                         : wrapping_add(batch_.base_timestamp(), timestamp_delta);
  const std::int32_t base_sequence = batch_.base_sequence();
  record.sequence = base_sequence < 0 ? kNoSequence : add_to_sequence(base_sequence, offset_delta);
  record.size = static_cast<std::size_t>(input_.position() - start);
  --records_left_;
  return true;
}

Result<bool> RecordReader::next_message(Record& record) {
  const RecordBatchView* message = &batch_;
  std::optional<RecordBatchView> inner;
  record.offset = batch_.base_offset();
  record.timestamp = batch_.max_timestamp();
  if (wrapped_) {
    OTTLA_TRY(inner, wrapped_->next());
    if (!inner) return false;
    message = &*inner;
    record.offset = wrapped_->absolute_offset(*inner);
    record.timestamp = wrapped_->timestamp(*inner);
  } else if (std::exchange(records_left_, 0) == 0) {
    return false;
  }
  OTTLA_TRY(const Message content, parse_message(*message));
  record.key = content.key;
  record.value = content.value;
  record.headers = {};
  record.sequence = kNoSequence;
  record.size = message->size();
  return true;
}

}  // namespace ottla::record
