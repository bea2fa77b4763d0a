#include "common/record/validation.h"

#include <utility>

#include "common/record/record_batch.h"
#include "common/record/record_rules.h"
#include "common/record/record_walker.h"
#include "common/record/up_conversion.h"

namespace ottla::record {
namespace {

using Validated = tl::expected<ValidatedRecords, ValidationFailure>;

tl::unexpected<ValidationFailure> refuse(ErrorCode code, std::string message,
                                         RecordFault fault = RecordFault::Other) {
  return tl::unexpected(ValidationFailure{code, std::move(message), {}, fault});
}

/// What the headers of a set say together.
struct Survey {
  std::size_t bytes = 0;
  std::int32_t batches = 0;
  Codec source_codec = Codec::None;
};

/// Format 2 says in two ways how many records it holds; Kafka holds clients to both.
std::optional<ValidationFailure> check_client_batch(const RecordBatchView& batch) {
  if (batch.is_legacy()) return std::nullopt;
  const std::int64_t count = batch.record_count().value_or(0);
  const std::int64_t by_offsets = std::int64_t{batch.last_offset_delta()} + 1;
  const auto refused = [](std::string message) {
    return ValidationFailure{
        ErrorCode::InvalidRecord, std::move(message), {}, RecordFault::OffsetOrSequence};
  };
  if (by_offsets <= 0 || count <= 0 || by_offsets != count) {
    return refused("record batch of " + std::to_string(count) + " records spans " +
                   std::to_string(by_offsets) + " offsets: both must be the same and above 0");
  }
  if (batch.has_producer_id() && batch.base_sequence() < 0) {
    return refused("record batch of producer " + std::to_string(batch.producer_id().value()) +
                   " without a sequence");
  }
  if (batch.is_control()) return refused("control batches are not for clients to write");
  return std::nullopt;
}

/// Sizes, checksums and headers of all batches.
tl::expected<Survey, ValidationFailure> survey(ByteView records, const ValidationOptions& options) {
  Survey result;
  BatchIterator batches(records);
  std::optional<std::int8_t> magic;
  while (true) {
    const auto next = batches.next();
    if (!next) return refuse(ErrorCode::CorruptMessage, "a batch has an impossible size or magic");
    if (!*next) break;
    const RecordBatchView& batch = **next;
    const bool client = options.origin == AppendOrigin::Client;
    if (client && !batch.is_legacy() && batch.base_offset() != Offset(0)) {
      return refuse(ErrorCode::InvalidRecord, "base offset " +
                                                  std::to_string(batch.base_offset().value()) +
                                                  " in a produced batch: must be 0");
    }
    if (std::cmp_greater(batch.size(), options.max_message_bytes)) {
      return refuse(ErrorCode::MessageTooLarge, "batch of " + std::to_string(batch.size()) +
                                                    " bytes: max.message.bytes is " +
                                                    std::to_string(options.max_message_bytes));
    }
    if (!batch.validate_crc()) {
      return refuse(ErrorCode::CorruptMessage, "CRC of a batch is wrong", RecordFault::Checksum);
    }
    if (!batch.has_known_codec()) {
      return refuse(ErrorCode::UnknownServerError, "a batch has a codec that does not exist");
    }
    if (batch.is_compressed()) result.source_codec = batch.codec();
    if (magic.value_or(batch.magic()) != batch.magic()) {
      return refuse(ErrorCode::InvalidRecord, "record set mixes formats", RecordFault::Magic);
    }
    magic = batch.magic();
    ++result.batches;
  }
  result.bytes = batches.position();
  const bool may_be_many = magic.value_or(0) < kMagicV2 && result.source_codec == Codec::None;
  if (result.batches > 1 && !may_be_many) {
    return refuse(ErrorCode::InvalidRecord,
                  "more than one batch, or compressed set, in a record set");
  }
  return result;
}

ValidationFailure malformed(ErrorCode code) {
  return {code, "the records of a batch do not fit their lengths, or cannot be decompressed", {}};
}

/// A v2 batch that keeps its codec: its records are looked at, its header is patched.
Validated validate_in_place(MutableByteView bytes, const ValidationOptions& options) {
  auto batch = MutableRecordBatch::parse(bytes);
  if (!batch) return refuse(batch.error().code(), batch.error().describe());
  auto walker = RecordWalker::open(batch->view());
  if (!walker) return tl::unexpected(malformed(walker.error().code()));

  const RecordBatchView& view = batch->view();
  const TimestampType claimed_type = view.timestamp_type();
  const bool claims_append_time = claimed_type == TimestampType::LogAppendTime;
  RecordRules rules(options);
  RecordOutline record;
  std::int64_t max_timestamp = kNoTimestamp;
  while (walker->next(record)) {
    const std::int64_t timestamp =
        claims_append_time ? view.max_timestamp()
                           : wrapping_add(view.base_timestamp(), record.timestamp_delta);
    max_timestamp = std::max(max_timestamp, timestamp);

    if (view.is_compressed() && record.offset_delta != rules.count()) {
      // What Kafka 3.9 answers here; uncompressed it takes the deltas as they are.
      return refuse(ErrorCode::UnknownServerError, "offset deltas of a compressed batch have gaps",
                    RecordFault::OffsetOrSequence);
    }
    rules.check(timestamp, record.has_key, claimed_type);
  }
  if (walker->failure() != ErrorCode::None) return tl::unexpected(malformed(walker->failure()));
  if (auto failure = rules.failure()) return tl::unexpected(*std::move(failure));

  ValidatedRecords result;
  result.bytes = bytes;
  result.record_count = rules.count();
  const bool append_time = options.timestamp_type == TimestampType::LogAppendTime;
  result.max_timestamp = append_time ? options.now_ms : max_timestamp;
  if (result.max_timestamp != kNoTimestamp) {
    result.max_timestamp_offset_delta = view.last_offset_delta();
  }
  result.log_append_time = append_time ? options.now_ms : kNoTimestamp;
  batch->set_max_timestamp(options.timestamp_type, result.max_timestamp);
  return result;
}

}  // namespace

Offset ValidatedRecords::assign_offsets(Offset first, LeaderEpoch epoch) {
  Offset next = first;
  MutableByteView rest = bytes;
  while (!rest.empty()) {
    auto batch = MutableRecordBatch::parse(rest);
    if (!batch) break;  // cannot be: validation has walked these bytes
    batch->set_base_offset(next);
    batch->set_leader_epoch(epoch);
    next = batch->view().next_offset();
    rest = rest.subspan(batch->view().size());
  }
  return next;
}

Result<void> check_produce_format(std::int16_t produce_version, ByteView records) {
  constexpr std::int16_t kFirstWithFormat2 = 3;
  constexpr std::int16_t kFirstWithZstd = 7;
  if (produce_version < kFirstWithFormat2) return {};
  BatchIterator batches(records);
  OTTLA_TRY(const auto first, batches.next());
  if (!first) return fail(ErrorCode::InvalidRecord, "a produce request needs a record batch");
  if (first->magic() != kMagicV2) {
    return fail(ErrorCode::InvalidRecord,
                "produce requests of version 3 and above need record format 2");
  }
  if (produce_version < kFirstWithZstd) {
    if (!first->has_known_codec()) {
      return fail(ErrorCode::UnknownServerError, "a batch has a codec that does not exist");
    }
    if (first->codec() == Codec::Zstd) {
      return fail(ErrorCode::UnsupportedCompressionType, "zstd needs produce version 7");
    }
  }
  OTTLA_TRY(const auto second, batches.next());
  if (second) {
    return fail(ErrorCode::InvalidRecord,
                "a produce request carries one record batch per partition");
  }
  return {};
}

Validated validate_records(MutableByteView records, const ValidationOptions& options) {
  const auto surveyed = survey(records, options);
  if (!surveyed) return tl::unexpected(surveyed.error());
  if (surveyed->batches == 0) return ValidatedRecords{};
  const MutableByteView whole = records.first(surveyed->bytes);
  const auto first = RecordBatchView::parse(whole);
  if (!first) return refuse(first.error().code(), first.error().describe());
  if (options.origin == AppendOrigin::Client) {
    if (auto failure = check_client_batch(*first)) return tl::unexpected(*std::move(failure));
  }

  const Codec source = surveyed->source_codec;
  // Markers stay plain: readers look into them without a decompressor at hand.
  const Codec target = first->is_control() ? source : options.target_codec.value_or(source);
  const bool in_place = first->magic() == kMagicV2 && source == target;
  auto result =
      in_place ? validate_in_place(whole, options) : rebuild_records(whole, target, options);
  if (!result) return result;
  result->source_codec = source;
  if (result->converted && std::cmp_greater(result->bytes.size(), options.max_message_bytes)) {
    return refuse(ErrorCode::MessageTooLarge, "batch of " + std::to_string(result->bytes.size()) +
                                                  " bytes after conversion: max.message.bytes is " +
                                                  std::to_string(options.max_message_bytes));
  }
  return result;
}

Result<ReplicatedRecords> check_replicated(ByteView records, Offset expected) {
  ReplicatedRecords result;
  result.next_offset = expected;
  BatchIterator batches(records);
  while (true) {
    OTTLA_TRY(const auto batch, batches.next());
    if (!batch) break;
    if (!batch->validate_crc()) return fail(ErrorCode::CorruptMessage, "CRC of a batch is wrong");
    const Offset first = batch->base_offset();
    if (first < result.next_offset || batch->last_offset() < first) {
      return fail(ErrorCode::OffsetOutOfRange,
                  "batch of offsets " + std::to_string(first.value()) + " to " +
                      std::to_string(batch->last_offset().value()) + " where " +
                      std::to_string(result.next_offset.value()) + " or more was due");
    }
    if (result.first_offset == kUnknownOffset) result.first_offset = first;
    result.next_offset = batch->next_offset();
    if (batch->max_timestamp() > result.max_timestamp) {
      result.max_timestamp = batch->max_timestamp();
      result.offset_of_max_timestamp = batch->last_offset();
    }
  }
  result.bytes = records.first(batches.position());
  return result;
}

}  // namespace ottla::record
