#include "broker/storage/segment.h"

#include <algorithm>
#include <limits>

#include "broker/storage/damage_pass.h"
#include "broker/storage/file_names.h"

namespace ottla::storage {

Segment::Segment(env::FileSystem& files, const std::string& directory, Offset base_offset,
                 std::shared_ptr<env::File> file)
    : files_(files),
      place_(directory, base_offset),
      file_(std::move(file)),
      offset_of_largest_(base_offset),
      offset_index_(files, place_),
      time_index_(files, place_),
      transaction_index_(files, place_) {}

Result<std::shared_ptr<Segment>> Segment::create(env::FileSystem& files,
                                                 const std::string& directory, Offset base_offset,
                                                 const LogConfig& config, env::WallTimeMs now) {
  OTTLA_TRY(auto file, files.open(segment_path(directory, base_offset, kLogSuffix),
                                  env::OpenMode::CreateOrOpen));
  OTTLA_TRY_VOID(
      file->truncate(config.preallocate ? static_cast<std::uint64_t>(config.segment_bytes) : 0));
  const std::shared_ptr<Segment> segment(
      new Segment(files, directory, base_offset, std::move(file)));
  segment->created_ = now;
  OTTLA_TRY_VOID(segment->reset_indexes());
  OTTLA_TRY_VOID(segment->activate(config));
  return segment;
}

Result<std::shared_ptr<Segment>> Segment::open(env::FileSystem& files, const std::string& directory,
                                               Offset base_offset) {
  const std::string path = segment_path(directory, base_offset, kLogSuffix);
  OTTLA_TRY(auto file, files.open(path, env::OpenMode::ReadWrite));
  OTTLA_TRY(const std::uint64_t size, file->size());
  const std::shared_ptr<Segment> segment(
      new Segment(files, directory, base_offset, std::move(file)));
  segment->size_.store(size, std::memory_order_release);
  OTTLA_TRY(segment->created_, files.modified_ms(path));
  return segment;
}

// Reading.

Result<std::optional<BatchLocation>> Segment::find_batch(
    Offset target, std::uint64_t end, std::optional<OffsetPosition> place) const {
  if (!place) {
    OTTLA_TRY(place, offset_index_.lookup(target));
  }
  OTTLA_TRY(const auto found, seek(*place, target, end));
  if (!found) return std::nullopt;
  if (found->is_readable) return found->location;
  return fail(ErrorCode::CorruptMessage, place_.path(kLogSuffix) + ": damaged batch at position " +
                                             std::to_string(found->location.position));
}

Result<std::optional<BatchLocation>> Segment::locate(Offset target) const {
  OTTLA_TRY(const OffsetPosition place, offset_index_.lookup(target));
  OTTLA_TRY(const auto found, seek(place, target, size()));
  if (!found) return std::nullopt;
  return found->location;
}

Result<std::optional<Segment::Sought>> Segment::seek(OffsetPosition from, Offset target,
                                                     std::uint64_t end) const {
  while (true) {
    OTTLA_TRY(const auto found, seek_from(from.position, target, end));
    const bool knows_offset = !found || found->location.base_offset != kUnknownOffset;
    if (knows_offset) return found;
    // The place that cannot be read follows no batch that tells where it begins.
    OTTLA_TRY(from, offset_index_.lookup_position(from.position - 1));
  }
}

Result<std::optional<Segment::Sought>> Segment::seek_from(std::uint64_t position, Offset target,
                                                          std::uint64_t end) const {
  HeaderScanner scanner(*file_, position, end);
  DamagePass pass(*file_, end, base_offset());
  while (true) {
    OTTLA_TRY(const auto at, pass.next(scanner));
    // Which offsets a damaged batch has nobody knows: those up to the next one that can be read.
    if (!pass.passed().empty() && (!at || at->batch.base_offset() > target)) {
      const auto above =
          std::find_if(pass.passed().begin() + 1, pass.passed().end(),
                       [&](const DamagedBatch& each) { return each.offset > target; });
      const DamagedBatch& damaged = *(above - 1);
      return Sought{
          {damaged.position, damaged.bytes, damaged.offset, std::max(damaged.offset, target)},
          false};
    }
    if (pass.torn_at()) {
      const bool is_first = *pass.torn_at() == position && position > 0;
      return Sought{{*pass.torn_at(), end - *pass.torn_at(),
                     is_first ? kUnknownOffset : pass.least(), target},
                    false};
    }
    if (!at) return std::nullopt;
    const Offset last = at->batch.last_offset();
    if (last >= target) {
      return Sought{{at->position, at->batch.size(), at->batch.base_offset(), last}, true};
    }
  }
}

Result<std::uint64_t> Segment::last_boundary(std::uint64_t from, std::uint64_t limit) const {
  if (limit >= size()) return size();
  OTTLA_TRY(const OffsetPosition indexed, offset_index_.lookup_position(limit));
  HeaderScanner scanner(*file_, std::max(from, indexed.position), size());
  std::uint64_t boundary = scanner.position();
  while (true) {
    OTTLA_TRY(const auto at, scanner.next());
    if (!at || at->end() > limit) return boundary;
    boundary = at->end();
  }
}

std::optional<OffsetPosition> Segment::cached_place(Offset target) const {
  const auto found = offset_index_.cached_lookup(target);
  if (!found || !*found) return std::nullopt;
  constexpr std::uint64_t kScanned = 16 << 10;  // a few index intervals
  const std::uint64_t position = (*found)->position;
  const std::uint64_t end = size();
  const bool is_cached =
      position >= end || file_->is_cached(position, std::min(kScanned, end - position));
  return is_cached ? *found : std::nullopt;
}

Result<env::WallTimeMs> Segment::modified_ms() const {
  return files_.modified_ms(place_.path(kLogSuffix));
}

Result<std::int64_t> Segment::retention_timestamp() const {
  const std::int64_t largest = largest_timestamp();
  if (largest >= 0) return largest;
  return modified_ms();
}

// Opening.

Result<bool> Segment::load_indexes() {
  OTTLA_TRY(const bool has_offsets, files_.exists(offset_index_.file().path()));
  OTTLA_TRY(const bool has_times, files_.exists(time_index_.file().path()));
  if (!has_offsets || !has_times) return false;
  OTTLA_TRY(const bool offsets_good, offset_index_.load(size()));
  OTTLA_TRY(const bool times_good, time_index_.load());
  OTTLA_TRY(const bool transactions_good, transaction_index_.load(base_offset()));
  if (!offsets_good || !times_good || !transactions_good) return false;
  take_largest(time_index_.last());
  if (size() > 0 && time_index_.file().count() == 0) {
    // Only records without a timestamp leave the time index empty.
    HeaderScanner scanner(*file_, 0, size());
    const auto first = scanner.next();
    if (!first || !*first || (*first)->batch.max_timestamp() >= 0) return false;
  }
  return true;
}

Result<> Segment::complete_time_index() {
  OTTLA_TRY(const OffsetPosition indexed, offset_index_.lookup(time_index_.last().offset));
  HeaderScanner scanner(*file_, indexed.position, size());
  DamagePass pass(*file_, size(), base_offset());
  while (true) {
    OTTLA_TRY(const auto at, pass.next(scanner));
    if (!at) return {};
    take_largest({at->batch.max_timestamp(), at->batch.last_offset()});
  }
}

Result<> Segment::reset_indexes() {
  OTTLA_TRY_VOID(offset_index_.file().reset());
  OTTLA_TRY_VOID(time_index_.file().reset());
  time_index_.clear_last();
  OTTLA_TRY_VOID(transaction_index_.clear());
  // Kept open, and not preallocated, until the rebuild is done.
  OTTLA_TRY_VOID(offset_index_.file().activate(0));
  OTTLA_TRY_VOID(time_index_.file().activate(0));
  largest_timestamp_.store(-1, std::memory_order_release);
  offset_of_largest_ = base_offset();
  recovered_entry_at_ = 0;
  return {};
}

Result<> Segment::begin_recovery() {
  OTTLA_TRY_VOID(reset_indexes());
  offset_index_.file().begin_gathering();
  time_index_.file().begin_gathering();
  return {};
}

Result<> Segment::add_recovered(const BatchAt& at, std::int32_t index_interval_bytes) {
  take_largest({at.batch.max_timestamp(), at.batch.last_offset()});
  if (at.position - recovered_entry_at_ > static_cast<std::uint64_t>(index_interval_bytes)) {
    OTTLA_TRY_VOID(offset_index_.append_recovered(at.batch.last_offset(), at.position));
    OTTLA_TRY_VOID(time_index_.append_if_larger({largest_timestamp(), offset_of_largest_}));
    recovered_entry_at_ = at.position;
  }
  return {};
}

Result<> Segment::end_recovery(std::uint64_t size) {
  OTTLA_TRY(const std::uint64_t file_size, file_->size());
  if (file_size != size) OTTLA_TRY_VOID(file_->truncate(size));
  size_.store(size, std::memory_order_release);
  OTTLA_TRY_VOID(time_index_.append_if_larger({largest_timestamp(), offset_of_largest_}));
  OTTLA_TRY_VOID(offset_index_.file().end_gathering());
  return time_index_.file().end_gathering();
}

Result<> Segment::activate(const LogConfig& config) {
  OTTLA_TRY_VOID(offset_index_.file().activate(static_cast<std::uint32_t>(config.index_max_bytes)));
  OTTLA_TRY_VOID(time_index_.file().activate(static_cast<std::uint32_t>(config.index_max_bytes)));
  return load_first_timestamp();
}

Result<> Segment::load_first_timestamp() {
  first_timestamp_.reset();
  if (size() == 0) return {};
  HeaderScanner scanner(*file_, 0, size());
  DamagePass pass(*file_, size(), base_offset());
  OTTLA_TRY(const auto first, pass.next(scanner));
  if (first) first_timestamp_ = first->batch.max_timestamp();
  return {};
}

// Writing.

bool Segment::must_roll(const AppendedSet& set, const LogConfig& config,
                        std::chrono::milliseconds jitter, env::WallTimeMs now) const {
  const std::uint64_t used = size();
  if (set.last_offset - base_offset() > std::numeric_limits<std::int32_t>::max()) return true;
  if (used == 0) return false;
  if (used + set.bytes > static_cast<std::uint64_t>(config.segment_bytes)) return true;
  if (offset_index_.is_full() || time_index_.is_full()) return true;
  // By the records' time where they have one: replicas then roll at the same record.
  const bool by_records = first_timestamp_ && *first_timestamp_ >= 0 && set.largest.timestamp >= 0;
  const std::int64_t age = by_records ? set.largest.timestamp - *first_timestamp_ : now - created_;
  return age > config.roll_age().count() - jitter.count();
}

Result<> Segment::append(std::span<const ByteView> pieces, const AppendedSet& set,
                         std::int32_t index_interval_bytes) {
  const std::uint64_t position = size();
  if (auto written = file_->write_at(pieces, position); !written) {
    return undo_append(std::move(written).error());
  }
  if (position == 0) first_timestamp_ = set.largest.timestamp;
  take_largest(set.largest);
  if (bytes_since_entry_ > static_cast<std::uint64_t>(index_interval_bytes)) {
    // An entry that does not fit on a full disk is left out: it only shortens lookups.
    Result<> indexed = offset_index_.append(set.last_offset, position);
    if (indexed) {
      indexed = time_index_.append_if_larger({largest_timestamp(), offset_of_largest_});
    }
    if (indexed) {
      bytes_since_entry_ = 0;
    } else if (env::io_error_kind(indexed.error()) != env::IoErrorKind::DiskFull) {
      return indexed;
    }
  }
  bytes_since_entry_ += set.bytes;
  size_.store(position + set.bytes, std::memory_order_release);
  return {};
}

Result<> Segment::undo_append(Error cause) {
  // A part may have been written: it must not stand behind the next append, or be found by a
  // recovery.
  OTTLA_TRY_VOID(file_->truncate(size()));
  return fail(std::move(cause));
}

Result<> Segment::append_aborted(const AbortedRange& aborted) {
  return transaction_index_.append(aborted);
}

Result<> Segment::truncate_aborted(Offset offset) {
  return transaction_index_.truncate_to(offset);
}

Result<> Segment::seal() {
  OTTLA_TRY_VOID(time_index_.append_if_larger({largest_timestamp(), offset_of_largest_}));
  OTTLA_TRY_VOID(offset_index_.file().deactivate());
  OTTLA_TRY_VOID(time_index_.file().deactivate());
  OTTLA_TRY(const std::uint64_t file_size, file_->size());
  if (file_size != size()) OTTLA_TRY_VOID(file_->truncate(size()));
  return {};
}

Result<std::uint64_t> Segment::truncate_to(Offset offset) {
  OTTLA_TRY(const auto cut, locate(offset));
  const Offset end = cut ? std::min(offset, cut->base_offset) : offset;
  OTTLA_TRY_VOID(offset_index_.truncate_to(end));
  OTTLA_TRY_VOID(time_index_.truncate_to(end));
  OTTLA_TRY_VOID(transaction_index_.truncate_to(end));
  if (cut) {
    size_.store(cut->position, std::memory_order_release);
    OTTLA_TRY_VOID(file_->truncate(cut->position));
  }
  // The largest timestamp may be behind the last time index entry that is left.
  largest_timestamp_.store(-1, std::memory_order_release);
  offset_of_largest_ = base_offset();
  take_largest(time_index_.last());
  OTTLA_TRY_VOID(complete_time_index());
  bytes_since_entry_ = 0;
  OTTLA_TRY_VOID(load_first_timestamp());
  return size();
}

Result<> Segment::sync() {
  OTTLA_TRY_VOID(file_->sync());
  OTTLA_TRY_VOID(offset_index_.file().sync());
  OTTLA_TRY_VOID(time_index_.file().sync());
  if (!transaction_index_.empty()) OTTLA_TRY_VOID(transaction_index_.file().sync());
  return {};
}

Result<std::vector<std::string>> Segment::mark_deleted(bool with_snapshot) {
  std::vector<std::string> renamed;
  for (const std::string_view suffix :
       {kLogSuffix, kIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix, kSnapshotSuffix}) {
    if (suffix == kSnapshotSuffix && !with_snapshot) continue;
    const std::string from = place_.path(suffix);
    OTTLA_TRY(const bool exists, files_.exists(from));
    if (!exists) continue;
    std::string to = from + std::string(kDeletedSuffix);
    OTTLA_TRY_VOID(files_.rename(from, to));
    if (suffix == kIndexSuffix) offset_index_.file().mark_deleted();
    if (suffix == kTimeIndexSuffix) time_index_.file().mark_deleted();
    if (suffix == kTransactionIndexSuffix) transaction_index_.file().mark_deleted();
    renamed.push_back(std::move(to));
  }
  return renamed;
}

void Segment::take_largest(TimestampPosition candidate) {
  if (candidate.timestamp <= largest_timestamp()) return;
  offset_of_largest_ = candidate.offset;
  largest_timestamp_.store(candidate.timestamp, std::memory_order_release);
}

}  // namespace ottla::storage
