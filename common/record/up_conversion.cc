#include "common/record/up_conversion.h"

#include <string>
#include <utility>

#include "common/record/message_set.h"
#include "common/record/record_batch_builder.h"
#include "common/record/record_rules.h"
#include "common/record/records.h"

namespace ottla::record {
namespace {

/// The new batch's header fields: those of the first old one, as far as it has them.
BatchOptions options_for(const RecordBatchView& first, Codec target,
                         const ValidationOptions& options) {
  BatchOptions batch;
  batch.codec = target;
  batch.compression_level = options.compression_level;
  batch.timestamp_type = options.timestamp_type;
  batch.log_append_time = options.now_ms;
  batch.producer_id = first.producer_id();
  batch.producer_epoch = first.producer_epoch();
  batch.base_sequence = first.base_sequence();
  batch.transactional = first.is_transactional();
  return batch;
}

/// Each message inside a wrapper has a checksum of its own.
Result<void> check_inner_checksums(const RecordBatchView& wrapper) {
  OTTLA_TRY(auto messages, WrappedMessages::open(wrapper, kDefaultBufferLimit));
  while (true) {
    OTTLA_TRY(const auto inner, messages.next());
    if (!inner) return {};
    if (!inner->validate_crc()) {
      return fail(ErrorCode::CorruptMessage, "CRC of a message inside a wrapper is wrong");
    }
  }
}

Result<void> copy_records(const RecordBatchView& batch, RecordRules& rules,
                          RecordBatchBuilder& builder) {
  OTTLA_TRY(auto reader, RecordReader::open(batch));
  Record record;
  while (true) {
    OTTLA_TRY(const bool more, reader.next(record));
    if (!more) return {};

    if (record.timestamp < kNoTimestamp) {
      return fail(ErrorCode::UnknownServerError,  // what Kafka 3.9 answers here
                  "timestamp " + std::to_string(record.timestamp) + " cannot be converted");
    }
    const Offset offset(rules.count());

    rules.check(record.timestamp, record.key.has_value(), batch.timestamp_type());
    builder.append_copy(offset, record);
  }
}

}  // namespace

tl::expected<ValidatedRecords, ValidationFailure> rebuild_records(
    ByteView batches, Codec target, const ValidationOptions& options) {
  const auto failed = [](const Error& error) {
    return tl::unexpected(ValidationFailure{error.code(), error.describe(), {}});
  };
  const auto first = RecordBatchView::parse(batches);
  if (!first) return failed(first.error());

  RecordRules rules(options);
  RecordBatchBuilder builder(options_for(*first, target, options), batches.size());
  BatchIterator iterator(batches);
  while (true) {
    const auto batch = iterator.next();
    if (!batch) return failed(batch.error());
    if (!*batch) break;
    if ((*batch)->is_legacy() && (*batch)->is_compressed()) {
      if (auto intact = check_inner_checksums(**batch); !intact) {
        auto failure = failed(intact.error());
        if (intact.error().code() == ErrorCode::CorruptMessage) {
          failure.value().fault = RecordFault::Checksum;
        }
        return failure;
      }
    }
    if (auto copied = copy_records(**batch, rules, builder); !copied) return failed(copied.error());
  }
  if (auto failure = rules.failure()) return tl::unexpected(*std::move(failure));

  ValidatedRecords result;
  result.record_count = builder.count();
  const bool append_time = options.timestamp_type == TimestampType::LogAppendTime;
  result.max_timestamp = append_time ? options.now_ms : builder.max_timestamp();
  if (result.max_timestamp != kNoTimestamp) {
    result.max_timestamp_offset_delta = result.record_count - 1;
  }
  result.log_append_time = append_time ? options.now_ms : kNoTimestamp;
  result.converted = true;
  auto built = builder.build();
  if (!built) return failed(built.error());
  result.owner = *std::move(built);
  result.bytes = result.owner->bytes();
  return result;
}

}  // namespace ottla::record
