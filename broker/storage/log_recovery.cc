#include <glog/logging.h>

#include <algorithm>
#include <map>
#include <set>

#include "broker/storage/damage_pass.h"
#include "broker/storage/file_names.h"
#include "broker/storage/log.h"

namespace ottla::storage {
namespace {

Result<std::vector<std::string>> file_names(env::FileSystem& files, const std::string& directory) {
  OTTLA_TRY(const auto entries, files.list(directory));
  std::vector<std::string> names;
  for (const env::DirectoryEntry& entry : entries) {
    if (!entry.is_directory) names.push_back(entry.name);
  }
  return names;
}

/// Errors that say "these bytes are no batch" end a scan; errors of the disk do not.
template <class T>
Result<std::optional<T>> none_if_corrupt(Result<std::optional<T>> result) {
  if (!result && result.error().code() == ErrorCode::CorruptMessage) return std::nullopt;
  return result;
}

/// What saves work later, and is written again then: a log opens on a full disk too.
Result<> unless_full(Result<> written) {
  if (written || env::io_error_kind(written.error()) != env::IoErrorKind::DiskFull) return written;
  LOG_EVERY_T(WARNING, 10) << "goes on without: " << written.error();
  return {};
}

/// Behind the last offset of a N.log.swap. Where a damaged place hides what follows, the entries of
/// its index tell where batches begin.
Result<Offset> end_of_swap(env::FileSystem& files, const env::File& log, std::uint64_t size,
                           Offset base, const std::string& index_path) {
  HeaderScanner scanner(log, 0, size);
  DamagePass pass(log, size, base);
  while (true) {
    OTTLA_TRY(const auto at, pass.next(scanner));
    if (at) continue;
    if (!pass.torn_at()) break;
    OTTLA_TRY(const bool has_index, files.exists(index_path));
    if (!has_index) break;
    OTTLA_TRY(const std::string index, env::read_file(files, index_path));
    const auto beyond = OffsetIndex::first_behind(as_bytes(index), base, *pass.torn_at());
    if (!beyond || beyond->position >= size) break;
    pass.resume_at(beyond->position, scanner);
  }
  return std::max(pass.least(), base.next());
}

}  // namespace

Result<> Log::load(const LogOpening& opening) {
  MutexLock flush_lock(flush_mutex_);
  {
    MutexLock lock(mutex_);
    OTTLA_TRY_VOID(load_locked(opening));
  }
  return opening.shutdown == ShutdownKind::Clean ? Result<>{} : unless_full(write_epochs());
}

Result<> Log::load_locked(const LogOpening& opening) {
  OTTLA_TRY(const bool exists, environment_->files.exists(directory_));
  if (!exists) OTTLA_TRY_VOID(environment_->files.create_directories(directory_));
  creation_dirty_ =
      !exists || (opening.shutdown != ShutdownKind::Clean && opening.recovery_point == Offset(0));
  OTTLA_TRY(SegmentList segments, open_segments());
  OTTLA_TRY(const Offset checkpointed_start, believable_start(segments, opening));
  OTTLA_TRY_VOID(drop_below_start(segments, checkpointed_start));
  const Offset log_start = segments.empty()
                               ? checkpointed_start
                               : std::max(checkpointed_start, segments.front()->base_offset());
  log_start_offset_.store(log_start.value(), std::memory_order_release);
  snapshot_at_ = log_start;
  OTTLA_TRY_VOID(load_epochs(segments));

  // Segments from the recovery point on are read as a whole after a crash; of the others the
  // indexes are trusted as far as they make sense.
  std::size_t trusted = segments.size();
  if (opening.shutdown != ShutdownKind::Clean && !segments.empty()) {
    directory_dirty_ = true;  // names that the crashed process made may not be on the disk yet
    // After a host crash also one that ends at the recovery point: it may have been sealed, or its
    // indexes rebuilt, after the flush.
    const bool lost_pages = opening.shutdown == ShutdownKind::HostCrash;
    const auto is_flushed = [&](const Segment& next) {
      return next.base_offset() < opening.recovery_point ||
             (next.base_offset() == opening.recovery_point && !lost_pages);
    };
    do {
      --trusted;
    } while (trusted > 0 && !is_flushed(*segments[trusted]));
  }
  bool knows_producers = false;  // as of where the segment begins
  for (std::size_t i = 0; i < trusted; ++i) {
    OTTLA_TRY(const bool good, segments[i]->load_indexes());
    if (!good) OTTLA_TRY_VOID(rebuild_indexes(segments, i, knows_producers));
    knows_producers = !good;
  }
  if (trusted > 0 && trusted < segments.size()) {
    // The crash may have come while it was sealed.
    OTTLA_TRY_VOID(segments[trusted - 1]->complete_time_index());
    OTTLA_TRY_VOID(segments[trusted - 1]->seal());
  }
  Offset end = log_start;
  if (trusted < segments.size()) {
    // The cleaner leaves the active segment alone.
    const bool cleaner_fits = opening.cleaner_point <= segments.back()->base_offset();
    const Offset gaps_below = cleaner_fits ? opening.cleaner_point : opening.recovery_point;
    // A file that was made long is torn in its middle.
    const bool has_all_pages =
        opening.shutdown == ShutdownKind::ProcessCrash && !config()->preallocate;
    OTTLA_TRY(end, recover_segments(segments, trusted, opening.shutdown, gaps_below, has_all_pages,
                                    opening.on_progress));
    if (end < opening.recovery_point && trusted > 0) {
      LOG(ERROR) << "[" << partition_ << "] recovery point " << opening.recovery_point
                 << " is behind the log's end " << end << ": reading all of it";
      const bool is_compacted = config()->cleanup_compact;
      OTTLA_TRY(end, recover_segments(segments, 0, opening.shutdown,
                                      is_compacted ? end : opening.cleaner_point,
                                      /*has_all_pages=*/false, opening.on_progress));
    }
  } else if (!segments.empty()) {
    auto clean_end = end_of(*segments.back());
    if (!clean_end && clean_end.error().code() == ErrorCode::CorruptMessage) {
      LOG(ERROR) << "[" << partition_ << "] damaged tail in spite of a clean shutdown";
      OTTLA_TRY(end, recover_segments(segments, segments.size() - 1, ShutdownKind::ProcessCrash,
                                      opening.cleaner_point, /*has_all_pages=*/false,
                                      opening.on_progress));
    } else {
      OTTLA_TRY(end, std::move(clean_end));
      OTTLA_TRY_VOID(load_producers(segments, end, /*scan_without_snapshot=*/false));
    }
  }
  if (segments.empty() || end < log_start) {
    if (!segments.empty()) {
      LOG(ERROR) << "[" << partition_ << "] log ends at " << end << ", below its start "
                 << log_start << ": starting over there";
      OTTLA_TRY_VOID(drop_segments(segments, 0));
    }
    OTTLA_TRY(auto created, Segment::create(environment_->files, directory_, log_start, *config(),
                                            environment_->clock.wall_now_ms()));
    segments.push_back(std::move(created));
    directory_dirty_ = true;
    producers_.clear();
    end = log_start;
  } else {
    OTTLA_TRY_VOID(segments.back()->activate(*config()));
  }
  OTTLA_TRY_VOID(check_epochs(segments, log_start, end, opening.shutdown));
  // An epoch that began at the end has no records yet, but it did begin.
  if (epochs_.truncate_from_end(end.next())) epochs_dirty_ = true;
  if (epochs_.truncate_from_start(log_start)) epochs_dirty_ = true;
  OTTLA_TRY_VOID(remove_snapshots(segments, end));
  note_unstable();
  const Offset recovery_point =
      opening.shutdown == ShutdownKind::Clean ? end : std::min(opening.recovery_point, end);
  recovery_point_.store(recovery_point.value(), std::memory_order_release);
  log_end_offset_.store(end.value(), std::memory_order_release);
  recent_.reset({end, segments.back()->base_offset(), segments.back()->size()});
  written_back_ = segments.back()->size();
  publish(std::move(segments));
  return {};
}

/// Removes leftovers and opens all N.log in order.
Result<Log::SegmentList> Log::open_segments() {
  OTTLA_TRY(std::vector<std::string> names, file_names(environment_->files, directory_));
  OTTLA_TRY_VOID(finish_swaps(names));
  OTTLA_TRY(names, file_names(environment_->files, directory_));
  SegmentList segments;
  for (const std::string& name : names) {
    if (const auto base = parse_segment_name(name, kLogSuffix)) {
      OTTLA_TRY(auto segment, Segment::open(environment_->files, directory_, *base));
      segments.push_back(std::move(segment));
    }
  }
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a->base_offset() < b->base_offset(); });
  for (const std::string& name : names) {
    for (const std::string_view suffix :
         {kIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
      const auto base = parse_segment_name(name, suffix);
      if (!base) continue;
      const bool has_log = std::any_of(segments.begin(), segments.end(), [&](const auto& segment) {
        return segment->base_offset() == *base;
      });
      if (has_log) continue;
      LOG(WARNING) << "[" << partition_ << "] removing " << name << ": it has no log file";
      OTTLA_TRY_VOID(environment_->files.remove(directory_ + "/" + name));
    }
  }
  return segments;
}

/// Leftovers of deletions and of the cleaner: *.deleted and *.cleaned go, with every .swap at or
/// above the lowest .cleaned. A N.log.swap that remains replaces the segments in its range.
Result<> Log::finish_swaps(const std::vector<std::string>& names) {
  const auto without = [](std::string_view name, std::string_view suffix) {
    return name.substr(0, name.size() - suffix.size());
  };
  const auto base_of = [](std::string_view name) -> std::optional<Offset> {
    for (const std::string_view suffix :
         {kLogSuffix, kIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix, kSnapshotSuffix}) {
      if (auto base = parse_segment_name(name, suffix)) return base;
    }
    return std::nullopt;
  };
  const std::set<std::string, std::less<>> all(names.begin(), names.end());
  const auto swap_of = [](Offset base, std::string_view suffix) {
    return segment_name(base) + std::string(suffix) + std::string(kSwapSuffix);
  };
  std::optional<Offset> lowest_cleaned;
  for (const std::string& name : names) {
    if (!name.ends_with(kCleanedSuffix)) continue;
    const auto base = base_of(without(name, kCleanedSuffix));
    if (base && (!lowest_cleaned || *base < *lowest_cleaned)) lowest_cleaned = base;
  }
  std::vector<std::string> swaps;
  bool changed = false;
  for (const std::string& name : names) {
    bool remove = name.ends_with(kDeletedSuffix) || name.ends_with(kCleanedSuffix);
    if (name.ends_with(kSwapSuffix)) {
      const auto base = base_of(without(name, kSwapSuffix));
      remove = !base || (lowest_cleaned && *base >= *lowest_cleaned);
      // An index goes with its log: without it, ours was not complete. Kafka names the log first;
      // its index is then rebuilt, and the transaction index, which cannot be, is taken.
      if (!remove && !all.contains(swap_of(*base, kLogSuffix))) {
        const std::string final_name(without(name, kSwapSuffix));
        const bool is_foreign_rest = final_name.ends_with(kTransactionIndexSuffix) &&
                                     all.contains(segment_name(*base) + std::string(kLogSuffix)) &&
                                     !all.contains(segment_name(*base) + std::string(kIndexSuffix));
        remove = !is_foreign_rest;
      }
      if (!remove) swaps.push_back(name);
    }
    if (remove) {
      OTTLA_TRY_VOID(environment_->files.remove(directory_ + "/" + name));
      changed = true;
    }
  }
  for (const std::string& swap : swaps) {
    const auto base = parse_segment_name(without(swap, kSwapSuffix), kLogSuffix);
    if (!base) continue;
    OTTLA_TRY(const auto file,
              environment_->files.open(directory_ + "/" + swap, env::OpenMode::Read));
    OTTLA_TRY(const std::uint64_t size, file->size());
    const bool has_index = all.contains(swap_of(*base, kIndexSuffix));
    OTTLA_TRY(const Offset end, end_of_swap(environment_->files, *file, size, *base,
                                            segment_path(directory_, *base, kIndexSuffix) +
                                                std::string(has_index ? kSwapSuffix : "")));
    // Its indexes got their names already: so the old files with this base are gone.
    const bool is_named = !all.contains(swap_of(*base, kIndexSuffix)) && !lowest_cleaned;
    for (const std::string& name : names) {
      const auto other = base_of(name);
      if (!other || *other < *base || *other >= end || name.ends_with(kSnapshotSuffix)) continue;
      if (*other == *base && is_named && !name.ends_with(kLogSuffix)) continue;
      OTTLA_TRY_VOID(environment_->files.remove(directory_ + "/" + name));
    }
  }
  if (changed || !swaps.empty()) OTTLA_TRY_VOID(environment_->files.sync_directory(directory_));
  // The log last, as its indexes need it to be taken.
  std::stable_partition(swaps.begin(), swaps.end(), [&](const std::string& swap) {
    return !without(swap, kSwapSuffix).ends_with(kLogSuffix);
  });
  for (const std::string& swap : swaps) {
    OTTLA_TRY_VOID(environment_->files.rename(
        directory_ + "/" + swap, directory_ + "/" + std::string(without(swap, kSwapSuffix))));
    OTTLA_TRY_VOID(environment_->files.sync_directory(directory_));
  }
  return {};
}

/// Reads segments[from..] as a whole and keeps what is good. Returns the log's end.
/// Gaps between segments below `gaps_below` are no damage.
Result<Offset> Log::recover_segments(SegmentList& segments, std::size_t from, ShutdownKind shutdown,
                                     Offset gaps_below, bool has_all_pages,
                                     const LogOpening::Progress& on_progress) {
  OTTLA_TRY_VOID(
      load_producers({segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(from)},
                     segments[from]->base_offset(), /*scan_without_snapshot=*/true));
  const auto tell = [&](std::size_t number, std::uint64_t bytes_read) {
    if (on_progress) on_progress(segments.size() - number, bytes_read);
  };
  tell(from, 0);
  Offset end = segments[from]->base_offset();
  for (std::size_t i = from; i < segments.size(); ++i) {
    Segment& segment = *segments[i];
    if (i > from) {
      const bool overlaps = segment.base_offset() < end;
      // Compaction leaves gaps, below its point. Elsewhere a gap after a host crash is a tail that
      // was never written, and what follows it would be taken for its continuation.
      const bool has_gap = segment.base_offset() > end && shutdown == ShutdownKind::HostCrash &&
                           segment.base_offset() > gaps_below;
      if (overlaps || has_gap) {
        LOG(ERROR) << "[" << partition_ << "] segment " << segment.base_offset()
                   << " does not continue the log, which ends at " << end << ": dropping "
                   << segments.size() - i << " segments";
        OTTLA_TRY_VOID(drop_segments(segments, i));
        break;
      }
      OTTLA_TRY_VOID(unless_full(write_snapshot(segment.base_offset())));
    }
    const std::uint64_t size_before = segment.size();
    OTTLA_TRY(end, recover_segment(segment, has_all_pages));
    const bool was_cut = segment.size() < size_before;
    if (i + 1 < segments.size()) OTTLA_TRY_VOID(segment.seal());
    if (was_cut && i + 1 < segments.size()) {
      LOG(ERROR) << "[" << partition_ << "] dropping " << segments.size() - i - 1
                 << " segments behind the first bad batch";
      OTTLA_TRY_VOID(drop_segments(segments, i + 1));
    }
    tell(i + 1, size_before);
  }
  touched_ = true;
  OTTLA_TRY_VOID(unless_full(write_snapshot(end)));
  return end;
}

/// Rebuilds the indexes batch by batch, and cuts the file behind the last good one. Returns the
/// offset behind it. CRCs are checked of every batch; where all pages of a crashed process are
/// there only of the last ones: what it had written stands as it was, and a write that it did not
/// live to see the end of has its beginning there.
Result<Offset> Log::recover_segment(Segment& segment, bool has_all_pages) {
  OTTLA_TRY_VOID(segment.begin_recovery());
  const env::File& file = *segment.file();
  const std::uint64_t size = segment.size();
  Offset end = segment.base_offset();
  std::uint64_t good = 0;
  const auto take = [&](const BatchAt& at) OTTLA_REQUIRES(mutex_) -> Result<bool> {
    const Offset last = at.batch.last_offset();
    if (at.batch.base_offset() < end ||
        last - segment.base_offset() > std::numeric_limits<std::int32_t>::max()) {
      return false;
    }
    OTTLA_TRY_VOID(segment.add_recovered(at, config()->index_interval_bytes));
    if (at.batch.leader_epoch() > epochs_.latest() &&
        epochs_.assign(at.batch.leader_epoch(), at.batch.base_offset())) {
      epochs_dirty_ = true;
    }
    OTTLA_TRY_VOID(replay_producers(at.batch, &segment));
    end = last.next();
    good = at.end();
    return true;
  };
  const std::uint64_t checked = environment_->checked_tail_bytes;
  if (has_all_pages && size > checked) {
    BatchWalk walk(file, size - checked);
    while (true) {
      OTTLA_TRY(const auto at, none_if_corrupt(walk.next()));
      if (!at) break;
      OTTLA_TRY(const bool taken, take(*at));
      if (!taken) break;
    }
  }
  BatchScanner scanner(file, good, size);
  while (true) {
    OTTLA_TRY(const auto at, none_if_corrupt(scanner.next()));
    if (!at || !at->batch.validate_crc()) break;
    OTTLA_TRY(const bool taken, take(*at));
    if (!taken) break;
  }
  if (good < size) {
    LOG(WARNING) << "[" << partition_ << "] segment " << segment.base_offset() << ": cutting "
                 << size - good << " bytes behind offset " << end;
  }
  OTTLA_TRY_VOID(segment.end_recovery(good));
  // A cut that came undone would put the bad bytes into the middle of the log.
  if (good < size) OTTLA_TRY_VOID(segment.file()->sync());
  ++recovery_.segments_scanned;
  recovery_.bytes_truncated += size - good;
  return end;
}

/// For a trusted segment: from its batch headers, CRCs are not looked at. What cannot be read stays
/// where it is, as the records behind it were acknowledged. `knows_producers`: their state is as of
/// the segment's begin; it is as of its end afterwards.
Result<> Log::rebuild_indexes(const SegmentList& segments, std::size_t number,
                              bool knows_producers) {
  Segment& segment = *segments[number];
  LOG(WARNING) << "[" << partition_ << "] rebuilding the indexes of segment "
               << segment.base_offset();
  if (!knows_producers) {
    // A transaction that is aborted here may have begun in an earlier segment.
    OTTLA_TRY_VOID(
        load_producers({segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(number)},
                       segment.base_offset(), /*scan_without_snapshot=*/true));
  }
  OTTLA_TRY_VOID(segment.begin_recovery());
  const std::uint64_t size = segment.size();
  BatchScanner scanner(*segment.file(), 0, size);
  DamagePass pass(*segment.file(), size, segment.base_offset());
  while (true) {
    OTTLA_TRY(const auto at, pass.next(scanner));
    for (const DamagedBatch& damaged : pass.passed()) {
      LOG(ERROR) << "[" << partition_ << "] damaged batch at offset " << damaged.offset
                 << ", position " << damaged.position << " of segment " << segment.base_offset()
                 << ": it stays as it is, those behind it can be read";
    }
    if (!at) break;
    OTTLA_TRY_VOID(segment.add_recovered(*at, config()->index_interval_bytes));
    OTTLA_TRY_VOID(replay_producers(at->batch, &segment));
  }
  LOG_IF(ERROR, pass.torn_at().has_value())
      << "[" << partition_ << "] segment " << segment.base_offset()
      << " cannot be read from position " << *pass.torn_at() << " of " << size
      << " on: it stays as it is; `ottla dump-log --verify` shows it, another replica may have it";
  OTTLA_TRY_VOID(segment.end_recovery(size));
  ++recovery_.segments_scanned;
  return segment.seal();
}

Result<> Log::drop_segments(SegmentList& segments, std::size_t from) {
  for (std::size_t i = segments.size(); i > from; --i) {
    recovery_.bytes_truncated += segments[i - 1]->size();
    ++recovery_.segments_dropped;
    OTTLA_TRY(auto paths, segments[i - 1]->mark_deleted());
    environment_->deletions.schedule(std::move(paths), config()->file_delete_delay);
  }
  segments.resize(from);
  return environment_->files.sync_directory(directory_);
}

/// Finishes a deletion that a crash interrupted: of its segments some may be gone and others not,
/// in any order, and a gap between them must not end the log.
Result<> Log::drop_below_start(SegmentList& segments, Offset log_start) {
  while (segments.size() > 1 && segments[1]->base_offset() <= log_start) {
    OTTLA_TRY(auto paths, segments.front()->mark_deleted());
    environment_->deletions.schedule(std::move(paths), config()->file_delete_delay);
    segments.erase(segments.begin());
  }
  if (segments.empty()) return {};
  // What lies between such a snapshot and the log is not known any more: its producers' last
  // sequences are not the last.
  OTTLA_TRY(const auto names, file_names(environment_->files, directory_));
  for (const std::string& name : names) {
    const auto offset = parse_segment_name(name, kSnapshotSuffix);
    if (!offset || *offset >= segments.front()->base_offset()) continue;
    OTTLA_TRY_VOID(environment_->files.remove(directory_ + "/" + name));
  }
  return {};
}

/// Errors: CorruptMessage if the segment does not end with a whole batch.
Result<Offset> Log::end_of(const Segment& segment) const {
  OTTLA_TRY(const OffsetPosition indexed,
            segment.offset_index().lookup(Offset(std::numeric_limits<std::int64_t>::max())));
  HeaderScanner scanner(*segment.file(), indexed.position, segment.size());
  DamagePass pass(*segment.file(), segment.size(), segment.base_offset());
  Offset end = segment.base_offset();
  while (true) {
    OTTLA_TRY(const auto at, pass.next(scanner));
    if (!at) break;
    end = at->batch.next_offset();
  }
  // Of a damaged batch nobody knows the last offset.
  if (pass.torn_at() || !pass.passed().empty()) return fail(ErrorCode::CorruptMessage);
  return end;
}

Result<> Log::load_epochs(const SegmentList& segments) {
  const std::string path = directory_ + "/" + std::string(kLeaderEpochCheckpoint);
  OTTLA_TRY(const bool exists, environment_->files.exists(path));
  if (exists) {
    OTTLA_TRY(const std::string text, env::read_file(environment_->files, path));
    auto epochs = LeaderEpochs::from_checkpoint(text);
    if (epochs) {
      epochs_ = *std::move(epochs);
      return {};
    }
    LOG(ERROR) << "[" << partition_ << "] corrupt leader epoch checkpoint, rebuilding it from the "
               << "batches: " << epochs.error();
  }
  return rebuild_epochs(segments);
}

Result<> Log::rebuild_epochs(const SegmentList& segments) {
  epochs_.clear();
  for (const std::shared_ptr<Segment>& segment : segments) {
    HeaderScanner scanner(*segment->file(), 0, segment->size());
    DamagePass pass(*segment->file(), segment->size(), segment->base_offset());
    while (true) {
      OTTLA_TRY(const auto at, pass.next(scanner));
      if (!at) break;
      epochs_.assign(at->batch.leader_epoch(), at->batch.base_offset());
    }
  }
  epochs_dirty_ = true;
  return {};
}

/// Compares the leader epochs with batches where epochs begin and end (W9): after a crash all of
/// them, after a clean end, when a broker may have 200,000 logs to open, the last batch only.
Result<> Log::check_epochs(const SegmentList& segments, Offset log_start, Offset end,
                           ShutdownKind shutdown) {
  std::vector<Offset> samples{end + -1};
  if (shutdown != ShutdownKind::Clean) {
    samples.push_back(log_start);
    for (const EpochStart& entry : epochs_.entries()) {
      samples.push_back(entry.start_offset);
      samples.push_back(entry.start_offset + -1);
    }
  }
  for (const Offset offset : samples) {
    if (offset < log_start || offset >= end) continue;
    const auto above = std::find_if(segments.begin(), segments.end(), [&](const auto& segment) {
      return segment->base_offset() > offset;
    });
    if (above == segments.begin()) continue;
    const Segment& segment = **(above - 1);
    OTTLA_TRY(const auto found, none_if_corrupt(segment.find_batch(offset, segment.size())));
    if (!found) continue;  // compacted away, or damaged
    HeaderScanner scanner(*segment.file(), found->position, segment.size());
    OTTLA_TRY(const auto at, none_if_corrupt(scanner.next()));
    if (!at || at->batch.leader_epoch() < LeaderEpoch(0)) continue;
    const LeaderEpoch epoch = at->batch.leader_epoch();
    const Offset first = std::max(at->batch.base_offset(), log_start);
    const Offset last = at->batch.last_offset();
    if (epochs_.epoch_of(first) == epoch && epochs_.epoch_of(last) == epoch) continue;
    LOG(ERROR) << "[" << partition_ << "] the leader epoch checkpoint has epochs "
               << epochs_.epoch_of(first) << " to " << epochs_.epoch_of(last) << " at offsets "
               << first << " to " << last << ", the batch there has " << epoch
               << ": rebuilding it from the batches";
    return rebuild_epochs(segments);
  }
  return {};
}

/// The log start offset of the checkpoint, unless it lies behind the log's end: then it is damaged,
/// and must not delete a log. After a host crash it may be right, and the end be lost.
Result<Offset> Log::believable_start(const SegmentList& segments, const LogOpening& opening) const {
  const Offset start = opening.log_start_offset;
  if (segments.empty() || opening.shutdown == ShutdownKind::HostCrash ||
      start <= segments.back()->base_offset()) {
    return start;
  }
  const Segment& last = *segments.back();
  HeaderScanner scanner(*last.file(), 0, last.size());
  DamagePass pass(*last.file(), last.size(), last.base_offset());
  Offset end = last.base_offset();
  while (true) {
    OTTLA_TRY(const auto at, pass.next(scanner));
    if (!at) break;
    end = at->batch.next_offset();
  }
  if (start <= end) return start;
  LOG(ERROR) << "[" << partition_ << "] log start offset " << start
             << " of the checkpoint is behind the log's end " << end << ": it starts at "
             << segments.front()->base_offset();
  return segments.front()->base_offset();
}

Result<> Log::load_producers(const SegmentList& segments, Offset end, bool scan_without_snapshot) {
  producers_.clear();
  snapshot_at_ = log_start_offset();
  OTTLA_TRY(const auto names, file_names(environment_->files, directory_));
  std::vector<Offset> snapshots;
  for (const std::string& name : names) {
    const auto offset = parse_segment_name(name, kSnapshotSuffix);
    if (offset && *offset <= end) snapshots.push_back(*offset);
  }
  std::sort(snapshots.rbegin(), snapshots.rend());
  const std::int64_t oldest =
      environment_->clock.wall_now_ms() - environment_->producer_expiration().count();
  std::optional<Offset> loaded;
  for (const Offset offset : snapshots) {
    const std::string path = segment_path(directory_, offset, kSnapshotSuffix);
    OTTLA_TRY(const std::string bytes, env::read_file(environment_->files, path));
    const auto good = producers_.load_snapshot(as_bytes(bytes), oldest);
    if (good) {
      snapshot_at_ = offset;
      loaded = offset;
      break;
    }
    LOG(WARNING) << "[" << partition_ << "] removing " << path << ": " << good.error();
    OTTLA_TRY_VOID(environment_->files.remove(path));
  }
  if (!loaded && !scan_without_snapshot) return {};
  // Also batches below the log start offset, as long as they are there: they may hold the last
  // sequence of a producer that the snapshot knows.
  const Offset from = loaded.value_or(Offset(0));
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = *segments[i];
    if (i + 1 < segments.size() && segments[i + 1]->base_offset() <= from) continue;
    if (segment.base_offset() >= end) break;
    std::uint64_t position = 0;
    if (segment.base_offset() < from) {
      OTTLA_TRY(const auto first, segment.locate(from));
      if (!first) continue;
      position = first->position;
    }
    OTTLA_TRY_VOID(replay_segment(segment, position, end));
  }
  return {};
}

/// What cannot be read tells nothing of producers: their next batches are taken as they come.
Result<> Log::replay_segment(const Segment& segment, std::uint64_t position, Offset end) {
  BatchScanner scanner(*segment.file(), position, segment.size());
  DamagePass pass(*segment.file(), segment.size(), segment.base_offset());
  while (true) {
    OTTLA_TRY(const auto at, pass.next(scanner));
    LOG_IF(ERROR, !pass.passed().empty())
        << "[" << partition_ << "] damaged batch at offset " << pass.passed().front().offset
        << ": left out of the producers' state";
    if (at && at->batch.base_offset() >= end) return {};
    if (at) {
      OTTLA_TRY_VOID(replay_producers(at->batch, nullptr));
      continue;
    }
    if (!pass.torn_at()) return {};
    OTTLA_TRY(const auto beyond,
              segment.offset_index().first_at_or_after_position(*pass.torn_at() + 1));
    LOG(ERROR) << "[" << partition_ << "] segment " << segment.base_offset()
               << " cannot be read from position " << *pass.torn_at() << " to "
               << (beyond ? beyond->position : segment.size())
               << ": left out of the producers' state";
    if (!beyond || beyond->position >= segment.size()) return {};
    pass.resume_at(beyond->position, scanner);
  }
}

Result<> Log::replay_producers(const record::RecordBatchView& batch, Segment* index_aborts) {
  if (!batch.has_producer_id()) return {};
  ProducerStates::Update update = producers_.begin();
  OTTLA_TRY_VOID(update.add(batch, AppendOrigin::Replication));
  for (const CompletedTransaction& completed : update.completed()) {
    if (!completed.is_aborted || index_aborts == nullptr) continue;
    OTTLA_TRY_VOID(index_aborts->append_aborted({completed.producer_id, completed.first_offset,
                                                 completed.last_offset,
                                                 update.last_stable_offset_after(completed)}));
  }
  producers_.apply(update);
  for (const CompletedTransaction& completed : update.completed()) {
    producers_.complete(completed);
  }
  return {};
}

/// Keeps the snapshots that belong to a segment, and the newest one up to `end`.
Result<> Log::remove_snapshots(const SegmentList& segments, Offset end) {
  OTTLA_TRY(const auto names, file_names(environment_->files, directory_));
  std::vector<Offset> offsets;
  for (const std::string& name : names) {
    if (const auto offset = parse_segment_name(name, kSnapshotSuffix)) offsets.push_back(*offset);
  }
  std::sort(offsets.begin(), offsets.end());
  const auto above = std::upper_bound(offsets.begin(), offsets.end(), end);
  const Offset newest = above == offsets.begin() ? kUnknownOffset : *(above - 1);
  for (const Offset offset : offsets) {
    const bool has_segment =
        std::any_of(segments.begin(), segments.end(),
                    [&](const auto& segment) { return segment->base_offset() == offset; });
    if (offset <= end && (has_segment || offset == newest)) continue;
    OTTLA_TRY_VOID(environment_->files.remove(segment_path(directory_, offset, kSnapshotSuffix)));
  }
  return {};
}

/// Not synced: a snapshot that a crash tore fails its CRC, and the one before it serves.
Result<> Log::write_snapshot(Offset offset) {
  if (offset == snapshot_at_) return {};
  const std::vector<std::byte> bytes = producers_.to_snapshot();
  OTTLA_TRY(const auto file,
            environment_->files.open(segment_path(directory_, offset, kSnapshotSuffix),
                                     env::OpenMode::CreateOrOpen));
  OTTLA_TRY_VOID(file->truncate(0));
  directory_dirty_ = true;
  const ByteView piece = bytes;
  OTTLA_TRY_VOID(file->write_at(std::span(&piece, 1), 0));
  snapshot_at_ = offset;
  return {};
}

}  // namespace ottla::storage
