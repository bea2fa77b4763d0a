#include "common/record/record_batch.h"

#include <limits>

#include "common/base/checksum.h"
#include "common/record/sequence.h"

namespace ottla::record {
namespace {

constexpr std::size_t kLengthAt = 8;
constexpr std::size_t kLeaderEpochAt = 12;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kCrcAt = 17;
constexpr std::size_t kLegacyCrcAt = 12;
constexpr std::size_t kAttributesAt = 21;
constexpr std::size_t kLegacyAttributesAt = 17;
constexpr std::size_t kLegacyTimestampAt = 18;
constexpr std::size_t kMaxTimestampAt = 35;
constexpr std::size_t kProducerIdAt = 43;
constexpr std::size_t kProducerEpochAt = 51;
constexpr std::size_t kBaseSequenceAt = 53;
constexpr std::int16_t kTimestampTypeBit = 0x08;
constexpr std::int16_t kTransactionalBit = 0x10;
/// Bits without a meaning are dropped when the attributes are written anew, as Kafka does.
constexpr int kKnownAttributes = 0x7f;
constexpr int kLegacyAttributes = 0x0f;

/// Smallest size of a batch of this magic, or 0 for a magic that does not exist.
std::size_t min_size(std::int8_t magic) {
  switch (magic) {
    case kMagicV0:
      return kMinMessageSizeV0;
    case kMagicV1:
      return kMinMessageSizeV1;
    case kMagicV2:
      return kBatchHeaderSize;
    default:
      return 0;
  }
}

/// Bytes that the header accessors of this magic read.
std::size_t header_size(std::int8_t magic) {
  switch (magic) {
    case kMagicV0:
      return 18;
    case kMagicV1:
      return 26;
    default:
      return kBatchHeaderSize;
  }
}

/// Whether the 17 first bytes can begin a batch.
bool is_possible(ByteView bytes) {
  const auto length = load_big_endian<std::int32_t>(bytes.data() + kLengthAt);
  const std::size_t smallest = min_size(static_cast<std::int8_t>(bytes[kMagicAt]));
  return smallest != 0 && length >= 0 &&
         static_cast<std::size_t>(length) + kLogOverhead >= smallest;
}

}  // namespace

Result<RecordBatchView> RecordBatchView::parse_header(ByteView bytes) {
  if (bytes.size() <= kMagicAt || !is_possible(bytes)) return fail(ErrorCode::CorruptMessage);
  if (bytes.size() < header_size(static_cast<std::int8_t>(bytes[kMagicAt]))) {
    return fail(ErrorCode::CorruptMessage);
  }
  return RecordBatchView(bytes.data(), bytes.size());
}

Result<RecordBatchView> RecordBatchView::parse(ByteView bytes) {
  OTTLA_TRY(const RecordBatchView batch, parse_header(bytes));
  if (!batch.is_whole()) return fail(ErrorCode::CorruptMessage);
  return batch;
}

std::int32_t RecordBatchView::last_sequence() const {
  const std::int32_t base = base_sequence();
  return base == kNoSequence ? kNoSequence : add_to_sequence(base, last_offset_delta());
}

std::uint32_t RecordBatchView::compute_crc() const {
  return is_legacy() ? crc32(bytes().subspan(kMagicAt)) : crc32c(bytes().subspan(kAttributesAt));
}

Result<MutableRecordBatch> MutableRecordBatch::parse(MutableByteView bytes) {
  OTTLA_TRY(const RecordBatchView view, RecordBatchView::parse(bytes));
  return MutableRecordBatch(bytes.data(), view);
}

void MutableRecordBatch::set_base_offset(Offset offset) {
  store_big_endian(data_, offset.value());
}

void MutableRecordBatch::set_last_offset(Offset last) {
  set_base_offset(Offset(wrapping_add(last.value(), -std::int64_t{view_.last_offset_delta()})));
}

void MutableRecordBatch::set_leader_epoch(LeaderEpoch epoch) {
  if (!view_.is_legacy()) store_big_endian(data_ + kLeaderEpochAt, epoch.value());
}

void MutableRecordBatch::set_max_timestamp(TimestampType type, std::int64_t timestamp) {
  if (view_.magic() == kMagicV0) return;
  if (view_.timestamp_type() == type && view_.max_timestamp() == timestamp) return;

  const int kept = view_.is_legacy() ? kLegacyAttributes : kKnownAttributes;
  auto attributes = static_cast<std::int16_t>(view_.attributes() & kept & ~kTimestampTypeBit);
  if (type == TimestampType::LogAppendTime) {
    attributes = static_cast<std::int16_t>(attributes | kTimestampTypeBit);
  }
  if (view_.is_legacy()) {
    data_[kLegacyAttributesAt] = static_cast<std::byte>(attributes);
    store_big_endian(data_ + kLegacyTimestampAt, timestamp);
  } else {
    store_big_endian(data_ + kAttributesAt, attributes);
    store_big_endian(data_ + kMaxTimestampAt, timestamp);
  }
  refresh_crc();
}

void MutableRecordBatch::set_producer_state(ProducerId id, ProducerEpoch epoch,
                                            std::int32_t base_sequence, bool transactional) {
  if (view_.is_legacy()) return;
  auto attributes = static_cast<std::int16_t>(view_.attributes() & ~kTransactionalBit);
  if (transactional) attributes = static_cast<std::int16_t>(attributes | kTransactionalBit);
  store_big_endian(data_ + kAttributesAt, attributes);
  store_big_endian(data_ + kProducerIdAt, id.value());
  store_big_endian(data_ + kProducerEpochAt, epoch.value());
  store_big_endian(data_ + kBaseSequenceAt, base_sequence);
  refresh_crc();
}

void MutableRecordBatch::refresh_crc() {
  store_big_endian(data_ + (view_.is_legacy() ? kLegacyCrcAt : kCrcAt), view_.compute_crc());
}

Result<std::optional<RecordBatchView>> BatchIterator::next() {
  const ByteView left = rest();
  if (left.size() <= kMagicAt) return std::nullopt;
  if (!is_possible(left)) return fail(ErrorCode::CorruptMessage);
  const auto length = load_big_endian<std::int32_t>(left.data() + kLengthAt);
  const std::size_t size = static_cast<std::size_t>(length) + kLogOverhead;
  if (size > left.size()) return std::nullopt;
  position_ += size;
  OTTLA_TRY(const RecordBatchView batch, RecordBatchView::parse(left));
  return batch;
}

}  // namespace ottla::record
