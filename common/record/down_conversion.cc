#include "common/record/down_conversion.h"

#include "common/record/message_set.h"
#include "common/record/records.h"

namespace ottla::record {
namespace {

Result<void> copy_records(const RecordBatchView& batch, Offset from, MessageSetBuilder& out) {
  OTTLA_TRY(auto reader, RecordReader::open(batch));
  Record record;
  while (true) {
    OTTLA_TRY(const bool more, reader.next(record));
    if (!more) return {};
    // Clients of that age expect to skip ahead inside a compressed set, but not among plain
    // messages.
    if (!batch.is_compressed() && record.offset < from) continue;
    out.append(record.offset, record.timestamp, record.key, record.value);
  }
}

}  // namespace

DownConverter::DownConverter(std::int8_t target_magic, Offset fetch_offset, std::size_t byte_budget)
    : target_magic_(target_magic),
      fetch_offset_(fetch_offset),
      byte_budget_(byte_budget),
      next_offset_(fetch_offset) {}

Result<bool> DownConverter::add(const RecordBatchView& batch) {
  const std::size_t before = out_.size();
  if (before >= byte_budget_ && before > 0) return false;
  if (batch.magic() <= target_magic_) {
    out_.append(batch.bytes());
  } else if (!batch.is_control()) {
    if (auto converted = convert(batch); !converted) {
      out_.shrink(before);
      if (before > 0) return false;
      return fail(std::move(converted).error());
    }
  }
  if (before > 0 && out_.size() > byte_budget_) {
    out_.shrink(before);
    return false;
  }
  next_offset_ = batch.next_offset();
  return true;
}

Result<void> DownConverter::convert(const RecordBatchView& batch) {
  if (batch.codec() == Codec::Zstd) {
    return fail(ErrorCode::UnsupportedCompressionType, "zstd needs fetch version 10");
  }
  const bool append_time = batch.timestamp_type() == TimestampType::LogAppendTime;
  MessageSetBuilder builder(
      {.magic = target_magic_,
       .codec = batch.codec(),
       .compression_level = std::nullopt,
       .timestamp_type = append_time ? TimestampType::LogAppendTime : TimestampType::CreateTime,
       .log_append_time = append_time ? batch.max_timestamp() : kNoTimestamp},
      out_);
  OTTLA_TRY_VOID(copy_records(batch, fetch_offset_, builder));
  return builder.finish();
}

}  // namespace ottla::record
