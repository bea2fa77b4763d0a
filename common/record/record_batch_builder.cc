#include "common/record/record_batch_builder.h"

#include <algorithm>
#include <array>
#include <bit>

#include <glog/logging.h>

#include "common/base/checksum.h"
#include "common/record/compression.h"

namespace ottla::record {
namespace {

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

std::size_t varint_size(std::int64_t value) {
  const std::uint64_t raw = zigzag(value);
  return raw == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(raw)) + 6) / 7;
}

void append_varint(GrowingBuffer& out, std::int64_t value) {
  std::uint64_t raw = zigzag(value);
  std::array<std::byte, 10> bytes;
  std::size_t size = 0;
  for (; raw >= 0x80; raw >>= 7) bytes[size++] = static_cast<std::byte>((raw & 0x7f) | 0x80);
  bytes[size++] = static_cast<std::byte>(raw);
  out.append(ByteView(bytes).first(size));
}

std::int64_t length_of(const std::optional<ByteView>& bytes) {
  return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
}

std::size_t nullable_size(const std::optional<ByteView>& bytes) {
  return varint_size(length_of(bytes)) + (bytes ? bytes->size() : 0);
}

void append_nullable(GrowingBuffer& out, const std::optional<ByteView>& bytes) {
  append_varint(out, length_of(bytes));
  if (bytes) out.append(*bytes);
}

}  // namespace

RecordBatchBuilder::RecordBatchBuilder(const BatchOptions& options, std::size_t reserve)
    : options_(options),
      plain_(std::max(reserve, kBatchHeaderSize)),
      base_timestamp_(options.delete_horizon_ms),  // it stands in its place
      next_offset_(options.base_offset) {
  plain_.claim(kBatchHeaderSize);
}

void RecordBatchBuilder::append(std::int64_t timestamp, std::optional<ByteView> key,
                                std::optional<ByteView> value, std::span<const Header> headers) {
  append_at(next_offset_, timestamp, key, value, headers);
}

void RecordBatchBuilder::append_at(Offset offset, std::int64_t timestamp,
                                   std::optional<ByteView> key, std::optional<ByteView> value,
                                   std::span<const Header> headers) {
  std::size_t headers_size = 0;
  for (const Header& header : headers) {
    headers_size += nullable_size(as_bytes(header.key)) + nullable_size(header.value);
  }
  append_raw(offset, timestamp, key, value, headers_size,
             static_cast<std::int32_t>(headers.size()));
  for (const Header& header : headers) {
    append_nullable(plain_, as_bytes(header.key));
    append_nullable(plain_, header.value);
  }
}

void RecordBatchBuilder::append_copy(Offset offset, const Record& record) {
  append_raw(offset, record.timestamp, record.key, record.value, record.headers.bytes().size(),
             record.headers.size());
  plain_.append(record.headers.bytes());
}

void RecordBatchBuilder::append_raw(Offset offset, std::int64_t timestamp,
                                    std::optional<ByteView> key, std::optional<ByteView> value,
                                    std::size_t headers_size, std::int32_t header_count) {
  CHECK(offset >= next_offset_) << "offsets must rise in a batch";
  if (!base_timestamp_) base_timestamp_ = timestamp;
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  const std::int64_t timestamp_delta = wrapping_subtract(timestamp, *base_timestamp_);
  const std::int64_t offset_delta = offset - options_.base_offset;
  const std::size_t body = 1 + varint_size(timestamp_delta) + varint_size(offset_delta) +
                           nullable_size(key) + nullable_size(value) + varint_size(header_count) +
                           headers_size;
  append_varint(plain_, static_cast<std::int64_t>(body));
  plain_.append_byte(std::byte{0});
  append_varint(plain_, timestamp_delta);
  append_varint(plain_, offset_delta);
  append_nullable(plain_, key);
  append_nullable(plain_, value);
  append_varint(plain_, header_count);
  next_offset_ = offset.next();
  ++count_;
}

void RecordBatchBuilder::set_last_offset(Offset offset) {
  CHECK(offset.next() >= next_offset_) << "a batch cannot end before its last record";
  next_offset_ = offset.next();
}

Result<SharedBuffer> RecordBatchBuilder::build() {
  if (options_.codec == Codec::None) {
    write_header(plain_.data(), plain_.size());
    return plain_.take();
  }
  GrowingBuffer out(kBatchHeaderSize + plain_.size() / 2);
  out.claim(kBatchHeaderSize);
  OTTLA_TRY_VOID(compress(options_.codec, options_.compression_level,
                          plain_.bytes().subspan(kBatchHeaderSize), out));
  write_header(out.data(), out.size());
  return out.take();
}

void RecordBatchBuilder::write_header(std::byte* at, std::size_t size) const {
  const bool append_time = options_.timestamp_type == TimestampType::LogAppendTime;
  const auto attributes = static_cast<std::int16_t>(
      static_cast<int>(options_.codec) | (append_time ? 0x08 : 0) |
      (options_.transactional ? 0x10 : 0) | (options_.control ? 0x20 : 0) |
      (options_.delete_horizon_ms ? 0x40 : 0));
  const std::int64_t base_timestamp = base_timestamp_.value_or(kNoTimestamp);
  store_big_endian(at, options_.base_offset.value());
  store_big_endian(at + 8, static_cast<std::int32_t>(size - kLogOverhead));
  store_big_endian(at + 12, options_.leader_epoch.value());
  at[16] = static_cast<std::byte>(kMagicV2);
  store_big_endian(at + 21, attributes);
  store_big_endian(at + 23, static_cast<std::int32_t>(next_offset_ - options_.base_offset - 1));
  store_big_endian(at + 27, base_timestamp);
  store_big_endian(at + 35, append_time ? options_.log_append_time : max_timestamp_);
  store_big_endian(at + 43, options_.producer_id.value());
  store_big_endian(at + 51, options_.producer_epoch.value());
  store_big_endian(at + 53, options_.base_sequence);
  store_big_endian(at + 57, count_);
  store_big_endian(at + 17, crc32c(ByteView(at + 21, size - 21)));
}

}  // namespace ottla::record
