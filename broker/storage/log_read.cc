#include <algorithm>

#include "broker/storage/log.h"
#include "common/record/records.h"

namespace ottla::storage {
namespace {

/// The segment that holds `offset`: the last one that begins at or before it.
template <class Segments>
std::size_t segment_number(const Segments& segments, Offset offset) {
  const auto above = std::upper_bound(
      segments.begin(), segments.end(), offset,
      [](Offset wanted, const auto& segment) { return wanted < segment->base_offset(); });
  return above == segments.begin() ? 0 : static_cast<std::size_t>(above - segments.begin()) - 1;
}

/// The first record of the batch at `location` that satisfies `wanted`.
template <class Wanted>
Result<std::optional<TimestampOffset>> find_record(const env::File& file,
                                                   const BatchLocation& location, Wanted wanted) {
  Buffer bytes(location.size);
  OTTLA_TRY(const std::size_t got, file.read_at(bytes.bytes(), location.position));
  OTTLA_TRY(const auto batch, record::RecordBatchView::parse(bytes.bytes().first(got)));
  OTTLA_TRY(auto reader, record::RecordReader::open(batch));
  record::Record record;
  while (true) {
    OTTLA_TRY(const bool more, reader.next(record));
    if (!more) return std::nullopt;
    if (wanted(record)) {
      return TimestampOffset{record.timestamp, record.offset, batch.leader_epoch()};
    }
  }
}

bool is_missing_file(const Error& error) {
  return env::io_error_kind(error) == env::IoErrorKind::NotFound;
}

}  // namespace

Result<SharedBuffer> read_slice(const FileSlice& slice) {
  auto buffer = std::make_shared<Buffer>(slice.length);
  if (slice.length == 0) return buffer;
  OTTLA_TRY(const std::size_t got, slice.file->read_at(buffer->bytes(), slice.position));
  buffer->shrink(got);
  return buffer;
}

Result<Payload> to_payload(const FileSlice& slice) {
  Payload payload;
  if (slice.length == 0) return payload;
  if (const int descriptor = slice.file->descriptor(); descriptor >= 0) {
    payload.append(FileRange{slice.file, descriptor, slice.position, slice.length});
    return payload;
  }
  OTTLA_TRY(const SharedBuffer buffer, read_slice(slice));
  payload.append(MemoryRange{buffer, buffer->bytes()});
  return payload;
}

Result<FetchData> Log::read(Offset offset, const ReadOptions& options) const {
  if (!environment_->health.is_online()) return fail(ErrorCode::KafkaStorageError);
  auto found = read_once(offset, options);
  // A segment that was deleted or cut between the look at the list and the look into it: the list
  // is another one now.
  if (!found &&
      (is_missing_file(found.error()) || found.error().code() == ErrorCode::CorruptMessage)) {
    found = read_once(offset, options);
  }
  if (!found && !is_missing_file(found.error())) {
    return fail(environment_->health.report(std::move(found).error()));
  }
  return found;
}

Result<FetchData> Log::read_once(Offset offset, const ReadOptions& options) const {
  const LogPosition tail = recent_.last();
  const SharedSegmentList list = segments();
  const SegmentList& segments = *list;
  if (offset < log_start_offset() || offset > tail.offset) {
    return fail(ErrorCode::OffsetOutOfRange);
  }
  FetchData data;
  data.fetch_offset = offset;
  const Offset end = std::min(options.end_offset, tail.offset);
  if (offset >= end) return data;

  const std::optional<LogPosition> recent = recent_.find(offset);
  for (std::size_t i = segment_number(segments, offset); i < segments.size(); ++i) {
    const Segment& segment = *segments[i];
    if (segment.base_offset() >= end) break;
    OTTLA_TRY(const auto end_at, end_position(segments, i, end, tail, options));
    if (!end_at) {
      data.would_block = true;
      return data;
    }
    std::uint64_t begin_at = 0;
    std::uint64_t first_size = 0;  // 0: not known yet
    if (recent && recent->segment_base_offset == segment.base_offset()) {
      begin_at = recent->position;
    } else if (segment.base_offset() < offset) {
      std::optional<OffsetPosition> place;
      if (options.no_wait && !(place = segment.cached_place(offset))) {
        data.would_block = true;
        return data;
      }
      OTTLA_TRY(const auto first, segment.find_batch(offset, *end_at, place));
      if (!first) continue;  // a gap that compaction left: go on in the next segment
      begin_at = first->position;
      first_size = first->size;
    }
    if (begin_at >= *end_at) continue;

    data.segment_base_offset = segment.base_offset();
    data.records = {segment.file(), begin_at, *end_at - begin_at};
    if (data.records.length > options.max_bytes) {
      if (options.no_wait && !segment.file()->is_cached(begin_at, 1)) {
        data.would_block = true;
        return data;
      }
      if (first_size == 0) {
        HeaderScanner scanner(*segment.file(), begin_at, *end_at);
        OTTLA_TRY(const auto first, scanner.next());
        first_size = first ? first->batch.size() : *end_at - begin_at;
      }
      data.records.length = options.max_bytes;
      if (first_size > options.max_bytes) {
        data.first_batch_incomplete = !options.at_least_one_batch;
        if (options.at_least_one_batch) {
          data.records.length = first_size;
        } else if (options.whole_batches) {
          data.records.length = 0;
        }
      } else if (options.whole_batches) {
        OTTLA_TRY(const std::uint64_t boundary,
                  segment.last_boundary(begin_at, begin_at + options.max_bytes));
        data.records.length = std::min(boundary, *end_at) - begin_at;
      }
    }
    // Also of the newest records: of a quiet partition they may be of yesterday.
    if (options.no_wait && !data.records.is_cached()) data.would_block = true;
    return data;
  }
  return data;
}

/// Where [.., end) ends in a segment; nullopt if finding it would block.
Result<std::optional<std::uint64_t>> Log::end_position(const SegmentList& segments,
                                                       std::size_t number, Offset end,
                                                       const LogPosition& tail,
                                                       const ReadOptions& options) const {
  const Segment& segment = *segments[number];
  if (end == tail.offset) {
    return segment.base_offset() == tail.segment_base_offset ? tail.position : segment.size();
  }
  if (number + 1 < segments.size() && segments[number + 1]->base_offset() <= end) {
    return segment.size();
  }
  const std::optional<LogPosition> recent = recent_.find(end);
  if (recent && recent->segment_base_offset == segment.base_offset()) return recent->position;
  std::optional<OffsetPosition> place;
  if (options.no_wait && !(place = segment.cached_place(end))) return std::nullopt;
  const std::uint64_t size = segment.base_offset() == tail.segment_base_offset
                                 ? std::min(tail.position, segment.size())
                                 : segment.size();
  OTTLA_TRY(const auto first_hidden, segment.find_batch(end, size, place));
  return first_hidden ? first_hidden->position : size;
}

Result<std::vector<AbortedTransaction>> Log::aborted_transactions(const FetchData& data) const {
  std::vector<AbortedTransaction> aborted;
  if (data.records.length == 0) return aborted;
  const SharedSegmentList list = segments();
  std::size_t i = segment_number(*list, data.segment_base_offset);
  const Segment& first = *(*list)[i];
  // The range's last offset, or one a little above it: too many aborted transactions do no harm.
  Offset end = i + 1 < list->size() ? (*list)[i + 1]->base_offset() : log_end_offset();
  OTTLA_TRY(const auto beyond, first.offset_index().first_at_or_after_position(
                                   data.records.position + data.records.length));
  if (beyond) end = std::min(end, beyond->offset.next());
  for (; i < list->size(); ++i) {
    OTTLA_TRY(const bool complete,
              (*list)[i]->transaction_index().collect(data.fetch_offset, end, aborted));
    if (complete) break;
  }
  return aborted;
}

Result<std::optional<TimestampOffset>> Log::find_by_timestamp(std::int64_t timestamp) const {
  const SharedSegmentList list = segments();
  const Offset start = log_start_offset();
  for (const std::shared_ptr<Segment>& segment : *list) {
    if (segment->largest_timestamp() < timestamp) continue;
    OTTLA_TRY(const TimestampPosition before, segment->time_index().lookup(timestamp));
    OTTLA_TRY(const OffsetPosition from,
              segment->offset_index().lookup(std::max(before.offset, start)));
    HeaderScanner scanner(*segment->file(), from.position, segment->size());
    while (true) {
      OTTLA_TRY(const auto at, scanner.next());
      if (!at) break;
      if (at->batch.max_timestamp() < timestamp || at->batch.last_offset() < start) continue;
      OTTLA_TRY(const auto found, find_record(*segment->file(),
                                              {at->position, at->batch.size(),
                                               at->batch.base_offset(), at->batch.last_offset()},
                                              [&](const record::Record& record) {
                                                return record.timestamp >= timestamp &&
                                                       record.offset >= start;
                                              }));
      if (found) return found;
    }
  }
  return std::nullopt;
}

Result<std::vector<OffsetAtTime>> Log::offset_history() const {
  const SharedSegmentList list = segments();
  std::vector<OffsetAtTime> history;
  history.reserve(list->size() + 1);
  for (const auto& segment : *list) {
    OTTLA_TRY(const env::WallTimeMs modified, segment->modified_ms());
    history.push_back({std::max(segment->base_offset(), log_start_offset()), modified});
  }
  if (list->back()->size() > 0) {
    history.push_back({log_end_offset(), environment_->clock.wall_now_ms()});
  }
  return history;
}

Result<std::optional<TimestampOffset>> Log::find_max_timestamp() const {
  const SharedSegmentList list = segments();
  const auto largest = std::max_element(
      list->begin(), list->end(),
      [](const auto& a, const auto& b) { return a->largest_timestamp() < b->largest_timestamp(); });
  if (largest == list->end()) return std::nullopt;
  const Segment& segment = **largest;
  const std::int64_t timestamp = segment.largest_timestamp();
  if (timestamp < 0) return std::nullopt;
  // The entries below the largest timestamp tell where it cannot be.
  OTTLA_TRY(const TimestampPosition before, segment.time_index().lookup(timestamp - 1));
  OTTLA_TRY(const OffsetPosition from, segment.offset_index().lookup(before.offset));
  HeaderScanner scanner(*segment.file(), from.position, segment.size());
  while (true) {
    OTTLA_TRY(const auto at, scanner.next());
    if (!at) return std::nullopt;
    if (at->batch.max_timestamp() < timestamp) continue;
    OTTLA_TRY(
        const auto found,
        find_record(
            *segment.file(),
            {at->position, at->batch.size(), at->batch.base_offset(), at->batch.last_offset()},
            [&](const record::Record& record) { return record.timestamp == timestamp; }));
    if (found) return found;
  }
}

}  // namespace ottla::storage
