#include "broker/storage/compaction.h"

#include <algorithm>
#include <utility>

#include "broker/storage/file_names.h"
#include "common/record/control_record.h"
#include "common/record/records.h"

namespace ottla::storage {

Result<LogFacts> facts_of(Log& log, Offset high_watermark, std::optional<Offset> cleaner_point) {
  LogFacts facts;
  facts.cleaner_point = cleaner_point;
  facts.log_start_offset = log.log_start_offset();
  facts.last_stable_offset = log.last_stable_offset(high_watermark);
  const auto config = log.config();
  const bool is_urgent_ever = config->max_compaction_lag_ms != LogConfig::kUnlimited;
  for (const std::shared_ptr<Segment>& segment : log.all_segments()) {
    SegmentFacts one;
    one.base_offset = segment->base_offset();
    one.bytes = segment->size();
    one.index_bytes = std::uint64_t{segment->offset_index().file().count()} *
                      segment->offset_index().file().entry_size();
    one.time_index_bytes = std::uint64_t{segment->time_index().file().count()} *
                           segment->time_index().file().entry_size();
    one.largest_timestamp = segment->largest_timestamp();
    if (one.largest_timestamp < 0 && config->min_compaction_lag.count() > 0) {
      OTTLA_TRY(one.largest_timestamp, segment->modified_ms());
    }
    if (is_urgent_ever && one.bytes > 0) {
      HeaderScanner scanner(*segment->file(), 0, one.bytes);
      const auto first = scanner.next();
      if (!first && first.error().code() == ErrorCode::KafkaStorageError) {
        return fail(first.error());
      }
      if (first && *first) one.first_timestamp = (*first)->batch.max_timestamp();
    }
    facts.segments.push_back(one);
  }
  facts.log_end_offset = log.log_end_offset();
  return facts;
}

Compaction::Compaction(env::FileSystem& files, env::Clock& clock, std::shared_ptr<Log> log,
                       const LogFacts& facts, const Cleanable& cleanable, OffsetMap& map,
                       std::size_t buffer_bytes)
    : files_(files),
      clock_(clock),
      log_(std::move(log)),
      config_(log_->config()),
      cleanable_(cleanable),
      last_stable_offset_(facts.last_stable_offset),
      map_(map),
      buffer_bytes_(buffer_bytes),
      first_segment_(log_->all_segments().front()->base_offset()) {}

Compaction::~Compaction() {
  if (cleaned_) cleaned_->discard();
}

Result<Compaction::Step> Compaction::step(std::uint64_t budget) {
  Step step;
  if (auto worked = work(std::max<std::uint64_t>(budget, 1), step); !worked) {
    const bool is_gone = env::io_error_kind(worked.error()) == env::IoErrorKind::NotFound;
    if (!is_gone || !has_lost_a_segment()) return fail(std::move(worked).error());
    end_for_nothing();
  }
  step.is_done = phase_ == Phase::Done;
  return step;
}

Result<> Compaction::work(std::uint64_t budget, Step& step) {
  switch (phase_) {
    case Phase::Begin:
      return begin();
    case Phase::Map:
      return map_some(budget, step);
    case Phase::Rewrite:
      return rewrite_some(budget, step);
    case Phase::Done:
      break;
  }
  return {};
}

bool Compaction::has_lost_a_segment() const {
  const auto now = log_->all_segments();
  if (now.front()->base_offset() != first_segment_) return true;
  const std::size_t unread = cleaned_ ? group_begin_ : segment_;
  return std::any_of(segments_.begin() + static_cast<std::ptrdiff_t>(unread), segments_.end(),
                     [&](const Log::SegmentToReplace& each) {
                       return std::find(now.begin(), now.end(), each.segment) == now.end();
                     });
}

void Compaction::end_for_nothing() {
  if (cleaned_) cleaned_->discard();
  cleaned_.reset();
  cleaned_to_.reset();
  phase_ = Phase::Done;
}

Result<> Compaction::begin() {
  directory_ = log_->directory();
  const auto all = log_->all_segments();
  segments_end_ = all.back()->base_offset();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& segment = all[i];
    // Aborts of transactions that began in what is cleaned may have ended behind it.
    OTTLA_TRY(const auto aborted, segment->transaction_index().empty()
                                      ? Result<std::vector<AbortedRange>>{}
                                      : segment->transaction_index().entries());
    aborted_.insert(aborted_.end(), aborted.begin(), aborted.end());
    if (i + 1 == all.size()) break;
    if (segment->base_offset() >= cleanable_.first_uncleanable) {
      segments_end_ = std::min(segments_end_, segment->base_offset());
      continue;
    }
    const Offset end = all[i + 1]->base_offset();
    if (end <= cleanable_.first_dirty) {
      OTTLA_TRY(const env::WallTimeMs modified, segment->modified_ms());
      legacy_horizon_ = modified - config_->delete_retention.count();
    }
    segments_.push_back({segment, segment->size()});
    SegmentFacts facts;
    facts.base_offset = segment->base_offset();
    facts.bytes = segment->size();
    facts.index_bytes = std::uint64_t{segment->offset_index().file().count()} *
                        segment->offset_index().file().entry_size();
    facts.time_index_bytes = std::uint64_t{segment->time_index().file().count()} *
                             segment->time_index().file().entry_size();
    facts_.push_back(facts);
  }
  begin_map();
  return {};
}

void Compaction::begin_map() {
  std::vector<AbortedRange> dirty;
  for (const AbortedRange& aborted : aborted_) {
    if (aborted.last_offset >= cleanable_.first_dirty &&
        aborted.last_offset < last_stable_offset_) {
      dirty.push_back(aborted);
    }
  }
  dirty_transactions_.emplace(std::move(dirty));
  segment_ = 0;
  while (segment_ + 1 < segments_.size() &&
         segments_[segment_ + 1].segment->base_offset() <= cleanable_.first_dirty) {
    ++segment_;
  }
  phase_ = segments_.empty() ? Phase::Done : Phase::Map;
}

/// The next of segments_[segment_]; neither at its end.
Result<Compaction::Next> Compaction::next_batch(std::uint64_t& used) {
  const Log::SegmentToReplace& current = segments_[segment_];
  if (!scanner_) {
    scanner_.emplace(*current.segment->file(), 0, current.bytes, buffer_bytes_);
    next_offset_ = current.segment->base_offset();
    vouched_to_ = 0;
  }
  const std::uint64_t position = scanner_->position();
  auto at = scanner_->next();
  if (at && !*at && scanner_->position() == current.bytes) {
    scanner_.reset();
    return Next{};
  }
  Error cause(ErrorCode::CorruptMessage, "a batch is cut off");
  if (!at) {
    if (at.error().code() == ErrorCode::KafkaStorageError) return fail(at.error());
    cause = at.error();
  } else if (*at) {
    const record::RecordBatchView& batch = (*at)->batch;
    const bool is_known = damaged_.contains(batch.base_offset());
    if (!is_known && batch.validate_crc()) {
      used += batch.size();
      next_offset_ = std::max(next_offset_, batch.next_offset());
      return Next{.batch = *at, .damaged = std::nullopt};
    }
    cause = is_known ? Error(ErrorCode::CorruptMessage, damaged_.at(batch.base_offset()).cause)
                     : Error(ErrorCode::CorruptMessage, "its CRC is wrong");
  }
  OTTLA_TRY(DamagedBatch damaged, measure(position, cause));
  used += damaged.bytes;
  next_offset_ = damaged.offset.next();
  scanner_->go_to(position + damaged.bytes);
  damaged_.emplace(damaged.offset, damaged);
  return Next{.batch = std::nullopt, .damaged = std::move(damaged)};
}

Result<DamagedBatch> Compaction::measure(std::uint64_t position, const Error& cause) {
  const Log::SegmentToReplace& current = segments_[segment_];
  const Offset limit = segment_ + 1 < segments_.size()
                           ? segments_[segment_ + 1].segment->base_offset()
                           : segments_end_;
  OTTLA_TRY(auto damaged, measure_damaged_batch(*current.segment->file(), position, current.bytes,
                                                next_offset_, limit, vouched_to_));
  if (!damaged) {
    return fail(ErrorCode::CorruptMessage, file_of_segment() + " at position " +
                                               std::to_string(position) + ": " + cause.describe() +
                                               "; where the next batch begins cannot be told");
  }
  damaged->file = file_of_segment();
  damaged->cause = cause.describe();
  return *std::move(damaged);
}

std::string Compaction::file_of_segment() const {
  return segment_path(directory_, segments_[segment_].segment->base_offset(), kLogSuffix);
}

/// Its header is good, its records are not.
void Compaction::leave(const BatchAt& at, const Error& cause) {
  const Offset offset = at.batch.base_offset();
  damaged_.emplace(offset, DamagedBatch{.offset = offset,
                                        .file = file_of_segment(),
                                        .position = at.position,
                                        .bytes = at.batch.size(),
                                        .cause = cause.describe()});
}

Result<> Compaction::map_some(std::uint64_t budget, Step& step) {
  while (step.bytes < budget) {
    OTTLA_TRY(const Next next, next_batch(step.bytes));
    if (next.damaged) {
      if (next.damaged->offset >= cleanable_.first_uncleanable) return plan_rewrite();
      continue;
    }
    if (!next.batch) {
      if (++segment_ < segments_.size()) continue;
      return plan_rewrite();
    }
    const record::RecordBatchView& batch = next.batch->batch;
    if (batch.last_offset() < cleanable_.first_dirty) continue;
    if (batch.base_offset() >= cleanable_.first_uncleanable) return plan_rewrite();
    if (const auto readable = reads_through_first_ ? read_through(batch) : Result<>{}; !readable) {
      leave(*next.batch, readable.error());
      continue;
    }
    const Result<bool> took_all = map_batch(batch);
    if (!took_all) {
      if (reads_through_first_) return fail(took_all.error());
      // Some of its records may be in the map.
      reads_through_first_ = true;
      map_.clear();
      latest_mapped_ = kUnknownOffset;
      scanner_.reset();
      begin_map();
      return {};
    }
    if (!*took_all) {
      is_map_full_ = true;
      return plan_rewrite();
    }
  }
  return {};
}

Result<> Compaction::read_through(const record::RecordBatchView& batch) {
  if (batch.is_control()) {
    if (batch.record_count() == 0) return {};
    OTTLA_TRY([[maybe_unused]] const auto type, record::control_type(batch));
    return {};
  }
  OTTLA_TRY(auto reader, record::RecordReader::open(batch));
  record::Record record;
  while (true) {
    OTTLA_TRY(const bool more, reader.next(record));
    if (!more) return {};
  }
}

/// False when the map is full before the batch's end.
Result<bool> Compaction::map_batch(const record::RecordBatchView& batch) {
  if (batch.is_control()) {
    OTTLA_TRY([[maybe_unused]] const auto marker, dirty_transactions_->end_of(batch));
  } else if (!dirty_transactions_->is_aborted(batch)) {
    OTTLA_TRY(auto reader, record::RecordReader::open(batch));
    record::Record record;
    while (true) {
      OTTLA_TRY(const bool more, reader.next(record));
      if (!more) break;
      if (record.offset < cleanable_.first_dirty) continue;
      if (record.key && !map_.put(*record.key, record.offset)) return false;
      latest_mapped_ = record.offset;
    }
  }
  latest_mapped_ = std::max(latest_mapped_, batch.last_offset());
  return true;
}

Result<> Compaction::plan_rewrite() {
  scanner_.reset();
  segment_ = 0;
  if (is_map_full_ && latest_mapped_ < cleanable_.first_dirty) {
    return fail(ErrorCode::CorruptMessage, "not even one batch fits into the table of keys");
  }
  // With an empty dirty part behind the last batch, the whole range is clean now.
  const Offset end = is_map_full_ ? latest_mapped_.next() : cleanable_.first_uncleanable;
  if (!is_map_full_) latest_mapped_ = end + -1;
  while (!segments_.empty() && segments_.back().segment->base_offset() >= end) {
    segments_end_ = segments_.back().segment->base_offset();
    segments_.pop_back();
    facts_.pop_back();
  }
  groups_ = group_segments(facts_, segments_end_, *config_);
  std::vector<AbortedRange> decided;
  for (const AbortedRange& aborted : aborted_) {
    if (aborted.last_offset < last_stable_offset_) decided.push_back(aborted);
  }
  filter_ = std::make_unique<CompactionFilter>(
      map_, CompactionFilter::Rules{.latest_mapped = latest_mapped_,
                                    .end = end,
                                    .now = clock_.wall_now_ms(),
                                    .delete_retention = config_->delete_retention,
                                    .producers = log_->active_producers(),
                                    .aborted = std::move(decided)});
  cleaned_to_ = end;
  phase_ = groups_.empty() ? Phase::Done : Phase::Rewrite;
  return {};
}

Result<> Compaction::begin_group() {
  group_begin_ = segment_;
  OTTLA_TRY(cleaned_,
            CleanedSegment::create(files_, directory_, segments_[segment_].segment->base_offset(),
                                   config_->index_interval_bytes, buffer_bytes_));
  return begin_segment();
}

Result<> Compaction::begin_segment() {
  OTTLA_TRY(const env::WallTimeMs modified, segments_[segment_].segment->modified_ms());
  filter_->keep_legacy_tombstones(modified > legacy_horizon_);
  return {};
}

Result<> Compaction::rewrite_some(std::uint64_t budget, Step& step) {
  if (!cleaned_) OTTLA_TRY_VOID(begin_group());
  while (step.bytes < budget) {
    OTTLA_TRY(const Next next, next_batch(step.bytes));
    if (next.damaged) {
      OTTLA_TRY_VOID(keep_damaged(*next.damaged));
      continue;
    }
    if (!next.batch) {
      if (++segment_ == group_begin_ + groups_[group_]) return end_group(step);
      OTTLA_TRY_VOID(begin_segment());
      continue;
    }
    const record::RecordBatchView& batch = next.batch->batch;
    if (batch.base_offset() >= last_stable_offset_) {
      OTTLA_TRY_VOID(keep_undecided(batch));
      continue;
    }
    const Result<FilteredBatch> filtered = filter_->filter(batch);
    if (!filtered) {
      leave(*next.batch, filtered.error());
      OTTLA_TRY_VOID(cleaned_->append(batch));
      continue;
    }
    OTTLA_TRY_VOID(write(batch, *filtered));
  }
  return {};
}

Result<> Compaction::write(const record::RecordBatchView& batch, const FilteredBatch& filtered) {
  switch (filtered.kind) {
    case FilteredBatch::Kind::Drop:
      return {};
    case FilteredBatch::Kind::Keep:
      OTTLA_TRY_VOID(cleaned_->append(batch));
      break;
    case FilteredBatch::Kind::Replace: {
      // Several plain messages of an old format may stand in the place of one wrapper.
      record::BatchIterator batches(filtered.replacement->bytes());
      while (true) {
        OTTLA_TRY(const auto replacement, batches.next());
        if (!replacement) break;
        OTTLA_TRY_VOID(cleaned_->append(*replacement));
      }
      break;
    }
  }
  if (filtered.aborted) cleaned_->add_aborted(*filtered.aborted);
  return {};
}

/// Behind the last stable offset all stays as it is.
Result<> Compaction::keep_undecided(const record::RecordBatchView& batch) {
  OTTLA_TRY_VOID(cleaned_->append(batch));
  if (batch.is_control()) keep_aborted(batch.base_offset());
  return {};
}

Result<> Compaction::keep_damaged(const DamagedBatch& batch) {
  const Segment& segment = *segments_[segment_].segment;
  OTTLA_TRY_VOID(cleaned_->append_damaged(*segment.file(), batch, segment.largest_timestamp()));
  keep_aborted(batch.offset);  // it may have been a marker
  return {};
}

void Compaction::keep_aborted(Offset marker) {
  for (const AbortedRange& aborted : aborted_) {
    if (aborted.last_offset == marker) cleaned_->add_aborted(aborted);
  }
}

Result<> Compaction::end_group(Step& step) {
  const std::span<const Log::SegmentToReplace> old(segments_.data() + group_begin_,
                                                   groups_[group_]);
  OTTLA_TRY(const env::WallTimeMs modified, old.back().segment->modified_ms());
  OTTLA_TRY_VOID(cleaned_->finish(modified));
  for (const Log::SegmentToReplace& segment : old) bytes_before_ += segment.bytes;
  bytes_after_ += cleaned_->size();
  step.bytes += cleaned_->size();
  OTTLA_TRY(const bool replaced, log_->replace_segments(old));
  if (!replaced) {
    end_for_nothing();
    return {};
  }
  cleaned_.reset();
  if (++group_ == groups_.size()) phase_ = Phase::Done;
  return {};
}

}  // namespace ottla::storage
