#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/record/format.h"

namespace ottla::record {

/// Adds without undefined behaviour: both numbers may come from hostile bytes.
[[nodiscard]] constexpr std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

[[nodiscard]] constexpr std::int64_t wrapping_subtract(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

/// The header of one batch: format 2, or an old message (format 0 or 1), which counts as a batch of
/// one, or of many when it is a compressed wrapper. A view: 24 bytes, copied freely, valid as long
/// as the bytes below. Fields are read from the bytes at each call; nothing is decoded ahead.
///
/// Thread: immutable.
class RecordBatchView {
 public:
  /// The batch at the start of `bytes`, which must be there as a whole; more bytes may follow.
  /// Checks magic and lengths, not the CRC. Errors: CorruptMessage.
  [[nodiscard]] static Result<RecordBatchView> parse(ByteView bytes);

  /// The same when only the first bytes are at hand: kHeaderScanSize of them are always enough.
  /// Then only the header accessors may be called: `is_whole()` is false.
  /// Errors: CorruptMessage, also when `bytes` is too short for the header.
  [[nodiscard]] static Result<RecordBatchView> parse_header(ByteView bytes);

  /// Size on disk and on the wire, log overhead included.
  [[nodiscard]] std::size_t size() const { return kLogOverhead + length(); }
  [[nodiscard]] bool is_whole() const { return available_ >= size(); }
  /// The whole batch. Needs `is_whole()`.
  [[nodiscard]] ByteView bytes() const { return {data_, size()}; }
  [[nodiscard]] std::int8_t magic() const { return static_cast<std::int8_t>(data_[16]); }
  [[nodiscard]] bool is_legacy() const { return magic() < kMagicV2; }

  /// Formats 0 and 1: the offset that stands in the entry, which for a compressed wrapper is the
  /// LAST one; the first is only known after decompression (RecordReader).
  [[nodiscard]] Offset base_offset() const { return Offset(load<std::int64_t>(0)); }
  [[nodiscard]] Offset last_offset() const {
    return Offset(wrapping_add(base_offset().value(), last_offset_delta()));
  }
  [[nodiscard]] Offset next_offset() const {
    return Offset(wrapping_add(last_offset().value(), 1));
  }
  [[nodiscard]] std::int32_t last_offset_delta() const {
    return is_legacy() ? 0 : load<std::int32_t>(23);
  }

  /// -1 in formats 0 and 1.
  [[nodiscard]] LeaderEpoch leader_epoch() const {
    return is_legacy() ? kUnknownLeaderEpoch : LeaderEpoch(load<std::int32_t>(12));
  }
  [[nodiscard]] std::uint32_t crc() const { return load<std::uint32_t>(is_legacy() ? 12 : 17); }
  [[nodiscard]] std::int16_t attributes() const {
    return is_legacy() ? static_cast<std::int16_t>(data_[17]) : load<std::int16_t>(21);
  }
  /// The number may be above Zstd (4): 5 to 7 are not defined; see `has_known_codec`.
  [[nodiscard]] Codec codec() const { return static_cast<Codec>(attributes() & 7); }
  [[nodiscard]] bool has_known_codec() const { return codec() <= Codec::Zstd; }
  [[nodiscard]] bool is_compressed() const { return codec() != Codec::None; }
  [[nodiscard]] TimestampType timestamp_type() const {
    if (magic() == kMagicV0) return TimestampType::None;
    return (attributes() & 0x08) != 0 ? TimestampType::LogAppendTime : TimestampType::CreateTime;
  }
  [[nodiscard]] bool is_transactional() const { return !is_legacy() && (attributes() & 0x10) != 0; }
  [[nodiscard]] bool is_control() const { return !is_legacy() && (attributes() & 0x20) != 0; }
  [[nodiscard]] bool has_delete_horizon() const {
    return !is_legacy() && (attributes() & 0x40) != 0;
  }
  /// When the cleaner may remove tombstones and markers of this batch (KIP-534): it stands in the
  /// place of the base timestamp.
  [[nodiscard]] std::optional<std::int64_t> delete_horizon_ms() const {
    if (!has_delete_horizon()) return std::nullopt;
    return base_timestamp();
  }

  /// What the records' timestamp deltas are relative to. Format 1: the message's timestamp;
  /// format 0: kNoTimestamp.
  [[nodiscard]] std::int64_t base_timestamp() const {
    if (!is_legacy()) return load<std::int64_t>(27);
    return magic() == kMagicV1 ? load<std::int64_t>(18) : kNoTimestamp;
  }
  /// Largest timestamp of the records, or the append time of all of them.
  [[nodiscard]] std::int64_t max_timestamp() const {
    return is_legacy() ? base_timestamp() : load<std::int64_t>(35);
  }

  [[nodiscard]] ProducerId producer_id() const {
    return is_legacy() ? kNoProducerId : ProducerId(load<std::int64_t>(43));
  }
  [[nodiscard]] bool has_producer_id() const { return producer_id().value() > -1; }
  [[nodiscard]] ProducerEpoch producer_epoch() const {
    return is_legacy() ? kNoProducerEpoch : ProducerEpoch(load<std::int16_t>(51));
  }
  [[nodiscard]] std::int32_t base_sequence() const {
    return is_legacy() ? kNoSequence : load<std::int32_t>(53);
  }
  /// Sequences wrap from 2^31-1 to 0.
  [[nodiscard]] std::int32_t last_sequence() const;

  /// The count in the header; nullopt in formats 0 and 1, where only decompression tells. 0 is
  /// legal: the cleaner keeps an emptied batch for its producer's last sequence.
  [[nodiscard]] std::optional<std::int32_t> record_count() const {
    if (is_legacy()) return std::nullopt;
    return load<std::int32_t>(57);
  }

  /// What follows the header of a v2 batch: the records, compressed as one block or plain. Needs
  /// `is_whole()` and format 2.
  [[nodiscard]] ByteView records() const {
    return {data_ + kBatchHeaderSize, size() - kBatchHeaderSize};
  }

  /// CRC-32C from the attributes on (format 2), CRC-32 from the magic on (0, 1). Needs
  /// `is_whole()`.
  [[nodiscard]] bool validate_crc() const { return compute_crc() == crc(); }
  [[nodiscard]] std::uint32_t compute_crc() const;

 private:
  RecordBatchView(const std::byte* data, std::size_t available)
      : data_(data), available_(available) {}

  template <class T>
  [[nodiscard]] T load(std::size_t at) const {
    return load_big_endian<T>(data_ + at);
  }
  [[nodiscard]] std::size_t length() const {
    return static_cast<std::size_t>(load<std::int32_t>(8));
  }

  const std::byte* data_;
  std::size_t available_;
};

/// Patches a batch in place. Base offset and leader epoch stand outside the CRC; what touches the
/// CRC renews it, and says so.
///
/// Thread: the owner of the bytes.
class MutableRecordBatch {
 public:
  /// As RecordBatchView::parse. Errors: CorruptMessage.
  [[nodiscard]] static Result<MutableRecordBatch> parse(MutableByteView bytes);

  [[nodiscard]] const RecordBatchView& view() const { return view_; }
  const RecordBatchView* operator->() const { return &view_; }

  /// Not in the CRC, any format. In format 2 all offsets move with it.
  void set_base_offset(Offset offset);
  /// Sets the base offset so that `last` becomes the last one.
  void set_last_offset(Offset last);
  /// Not in the CRC. Format 2 only; no effect on older ones.
  void set_leader_epoch(LeaderEpoch epoch);
  /// Sets timestamp type and max timestamp; renews the CRC (reads the whole batch) when one of them
  /// changed. No effect on format 0.
  void set_max_timestamp(TimestampType type, std::int64_t timestamp);
  /// Format 2: producer state of a batch that is not yet stored. Renews the CRC.
  void set_producer_state(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence,
                          bool transactional);
  /// Writes the CRC that the bytes have now.
  void refresh_crc();

 private:
  MutableRecordBatch(std::byte* data, RecordBatchView view) : data_(data), view_(view) {}

  std::byte* data_;
  RecordBatchView view_;
};

/// Walks the batches that stand one after another in `bytes`, in any mix of formats.
///
///   BatchIterator batches(bytes);
///   while (true) {
///     OTTLA_TRY(const auto batch, batches.next());
///     if (!batch) break;
///   }
///
/// A batch that is cut off at the end is not an error: fetch responses and torn files end so. It
/// ends the walk, and `position()` tells where. Thread: one.
class BatchIterator {
 public:
  explicit BatchIterator(ByteView bytes) : bytes_(bytes) {}

  /// The next whole batch, or nullopt at the end. Errors: CorruptMessage for a length or magic that
  /// cannot be; the iterator then stays where it is.
  [[nodiscard]] Result<std::optional<RecordBatchView>> next();

  /// Where the next batch begins: bytes before it were whole batches.
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] ByteView rest() const { return bytes_.subspan(position_); }

 private:
  ByteView bytes_;
  std::size_t position_ = 0;
};

}  // namespace ottla::record
