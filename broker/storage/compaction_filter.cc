#include "broker/storage/compaction_filter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/record/control_record.h"
#include "common/record/growing_buffer.h"
#include "common/record/message_set.h"
#include "common/record/record_batch_builder.h"
#include "common/record/records.h"

namespace ottla::storage {
namespace {

using record::RecordBatchView;

record::BatchOptions options_like(const RecordBatchView& batch) {
  return {.base_offset = batch.base_offset(),
          .leader_epoch = batch.leader_epoch(),
          .codec = batch.codec(),
          .timestamp_type = batch.timestamp_type(),
          .log_append_time = batch.max_timestamp(),
          .producer_id = batch.producer_id(),
          .producer_epoch = batch.producer_epoch(),
          .base_sequence = batch.base_sequence(),
          .transactional = batch.is_transactional(),
          .control = batch.is_control(),
          .delete_horizon_ms = batch.delete_horizon_ms()};
}

/// The header alone: offsets, epochs and sequences without records.
Result<FilteredBatch> emptied(const RecordBatchView& batch) {
  if (batch.is_legacy()) return FilteredBatch{};
  auto header = std::make_shared<Buffer>(record::kBatchHeaderSize);
  std::byte* const at = header->bytes().data();
  std::memcpy(at, batch.bytes().data(), record::kBatchHeaderSize);
  store_big_endian(at + 8,
                   static_cast<std::int32_t>(record::kBatchHeaderSize - record::kLogOverhead));
  store_big_endian(at + 21, static_cast<std::int16_t>(batch.attributes() & ~7));  // no codec
  store_big_endian(at + 57, std::int32_t{0});
  OTTLA_TRY(auto empty, record::MutableRecordBatch::parse(header->bytes()));
  empty.refresh_crc();
  return FilteredBatch{FilteredBatch::Kind::Replace, std::move(header), std::nullopt};
}

/// All records of a batch again, with a delete horizon.
Result<FilteredBatch> rebuilt(const RecordBatchView& batch, const record::BatchOptions& options,
                              const std::vector<bool>* kept) {
  OTTLA_TRY(auto reader, record::RecordReader::open(batch));
  record::Record record;
  std::size_t number = 0;
  if (batch.is_legacy()) {
    record::GrowingBuffer out(batch.size());
    record::MessageSetBuilder builder(
        {.magic = batch.magic(),
         .codec = batch.codec(),
         .timestamp_type = batch.timestamp_type() == record::TimestampType::None
                               ? record::TimestampType::CreateTime
                               : batch.timestamp_type(),
         .log_append_time = batch.max_timestamp()},
        out);
    while (true) {
      OTTLA_TRY(const bool more, reader.next(record));
      if (!more) break;
      if ((*kept)[number++]) {
        builder.append(record.offset, record.timestamp, record.key, record.value);
      }
    }
    OTTLA_TRY_VOID(builder.finish());
    return FilteredBatch{FilteredBatch::Kind::Replace, out.take(), std::nullopt};
  }
  record::RecordBatchBuilder builder(options, batch.size());
  while (true) {
    OTTLA_TRY(const bool more, reader.next(record));
    if (!more) break;
    if (kept == nullptr || (*kept)[number++]) builder.append_copy(record.offset, record);
  }
  builder.set_last_offset(batch.last_offset());
  OTTLA_TRY(SharedBuffer built, builder.build());
  return FilteredBatch{FilteredBatch::Kind::Replace, std::move(built), std::nullopt};
}

}  // namespace

TransactionsInOrder::TransactionsInOrder(std::vector<AbortedRange> aborted)
    : aborted_(std::move(aborted)) {
  std::sort(aborted_.begin(), aborted_.end(), [](const AbortedRange& a, const AbortedRange& b) {
    return a.first_offset < b.first_offset;
  });
}

void TransactionsInOrder::begin_up_to(Offset offset) {
  for (; next_ < aborted_.size() && aborted_[next_].first_offset <= offset; ++next_) {
    ongoing_aborted_[aborted_[next_].producer_id] = {aborted_[next_]};
  }
}

bool TransactionsInOrder::is_aborted(const RecordBatchView& batch) {
  begin_up_to(batch.last_offset());
  if (!batch.is_transactional()) return false;
  auto aborted = ongoing_aborted_.find(batch.producer_id());
  // The marker that should have ended it could not be read.
  if (aborted != ongoing_aborted_.end() &&
      aborted->second.range.last_offset < batch.base_offset()) {
    ongoing_aborted_.erase(aborted);
    aborted = ongoing_aborted_.end();
  }
  if (aborted == ongoing_aborted_.end()) {
    ongoing_committed_.insert(batch.producer_id());
    return false;
  }
  aborted->second.has_data = true;
  return true;
}

Result<TransactionsInOrder::Marker> TransactionsInOrder::end_of(const RecordBatchView& batch) {
  begin_up_to(batch.last_offset());
  if (batch.record_count() == 0) return Marker{.has_data = false, .aborted = std::nullopt};
  OTTLA_TRY(const record::ControlType type, record::control_type(batch));
  if (type == record::ControlType::Commit) {
    return Marker{.has_data = ongoing_committed_.erase(batch.producer_id()) > 0,
                  .aborted = std::nullopt};
  }
  if (type != record::ControlType::Abort) return Marker{};
  const auto ongoing = ongoing_aborted_.find(batch.producer_id());
  if (ongoing == ongoing_aborted_.end()) return Marker{.has_data = false, .aborted = std::nullopt};
  const Ongoing ended = ongoing->second;
  ongoing_aborted_.erase(ongoing);
  if (!ended.has_data) return Marker{.has_data = false, .aborted = std::nullopt};
  return Marker{.has_data = true, .aborted = ended.range};
}

CompactionFilter::CompactionFilter(const OffsetMap& map, Rules rules)
    : map_(map), rules_(std::move(rules)), transactions_(rules_.aborted) {
  for (const ActiveProducer& producer : rules_.producers) {
    producers_.emplace(producer.producer_id, producer);
  }
}

bool CompactionFilter::is_last_of_producer(const RecordBatchView& batch) const {
  if (!batch.has_producer_id()) return false;
  const auto known = producers_.find(batch.producer_id());
  if (known == producers_.end()) return false;
  const ActiveProducer& producer = known->second;
  if (producer.last_data_offset != kUnknownOffset) {
    return batch.last_offset() == producer.last_data_offset;
  }
  return batch.is_control() && batch.producer_epoch() == producer.producer_epoch;
}

Result<FilteredBatch> CompactionFilter::filter(const RecordBatchView& batch) {
  const bool stays = is_last_of_producer(batch) || batch.next_offset() == rules_.end;
  if (batch.is_control()) return filter_marker(batch, stays);
  if (transactions_.is_aborted(batch)) return stays ? emptied(batch) : FilteredBatch{};
  return filter_records(batch, stays);
}

Result<FilteredBatch> CompactionFilter::filter_marker(const RecordBatchView& batch, bool stays) {
  OTTLA_TRY(const TransactionsInOrder::Marker marker, transactions_.end_of(batch));
  FilteredBatch result{FilteredBatch::Kind::Keep, nullptr, marker.aborted};
  if (marker.has_data) return result;
  const auto horizon = batch.delete_horizon_ms();
  if (horizon && *horizon <= rules_.now) {
    if (batch.record_count() == 0 && stays) return result;
    return stays ? emptied(batch) : FilteredBatch{};
  }
  if (horizon || batch.record_count() == 0) return result;
  record::BatchOptions options = options_like(batch);
  options.delete_horizon_ms = rules_.now + rules_.delete_retention.count();
  return rebuilt(batch, options, nullptr);
}

Result<FilteredBatch> CompactionFilter::filter_records(const RecordBatchView& batch, bool stays) {
  const auto horizon = batch.delete_horizon_ms();
  const bool keeps_tombstones =
      batch.is_legacy() ? keep_legacy_tombstones_ : !horizon || rules_.now < *horizon;
  OTTLA_TRY(auto reader, record::RecordReader::open(batch));
  record::Record record;
  std::vector<bool> kept;
  std::size_t kept_count = 0;
  bool has_tombstone = false;
  while (true) {
    OTTLA_TRY(const bool more, reader.next(record));
    if (!more) break;
    bool keep = record.offset > rules_.latest_mapped;
    if (!keep && record.key) {
      keep = record.offset >= map_.get(*record.key) && (record.value || keeps_tombstones);
    }
    kept.push_back(keep);
    kept_count += keep ? 1 : 0;
    if (keep && record.key && !record.value) has_tombstone = true;
  }
  if (kept_count == 0) {
    if (!stays) return FilteredBatch{};
    if (kept.empty()) return FilteredBatch{FilteredBatch::Kind::Keep, nullptr, std::nullopt};
    return emptied(batch);
  }
  record::BatchOptions options = options_like(batch);
  const bool needs_horizon = has_tombstone && !batch.is_legacy() && !horizon;
  if (needs_horizon) options.delete_horizon_ms = rules_.now + rules_.delete_retention.count();
  if (kept_count == kept.size() && !needs_horizon) {
    return FilteredBatch{FilteredBatch::Kind::Keep, nullptr, std::nullopt};
  }
  return rebuilt(batch, options, &kept);
}

}  // namespace ottla::storage
