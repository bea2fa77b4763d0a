// One partition's directory, for `ottla dump-log --verify`.
#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "broker/storage/batch_scanner.h"
#include "broker/storage/file_names.h"
#include "broker/storage/leader_epochs.h"
#include "broker/storage/log_directory.h"
#include "broker/storage/producer_states.h"
#include "cli/index_entries.h"
#include "cli/log_verifier.h"
#include "common/base/bytes.h"

namespace ottla::cli {
namespace {

/// What the other files of a segment are compared with.
struct BatchFact {
  std::uint64_t position = 0;
  Offset base_offset;
  Offset last_offset;
  std::int64_t max_timestamp = -1;
  ProducerId producer_id;
  bool is_control = false;
};

std::string text_of(Offset offset) {
  return std::to_string(offset.value());
}

class PartitionVerifier {
 public:
  PartitionVerifier(env::FileSystem& files, std::string directory, const PartitionContext& context,
                    Verification& found)
      : files_(files), directory_(std::move(directory)), context_(context), found_(found) {}

  Result<PartitionEnds> verify();

 private:
  [[nodiscard]] std::string path(std::string_view name) const {
    return directory_ + "/" + std::string(name);
  }
  [[nodiscard]] std::string path(Offset base, std::string_view suffix) const {
    return storage::segment_path(directory_, base, suffix);
  }
  Result<> sort_files();
  Result<> read_epochs();
  Result<> read_topic_id();

  Result<> verify_segment(Offset base, std::optional<Offset> next);
  Result<> walk(const std::string& log, Offset base);
  void take(const storage::BatchAt& at, const std::string& log, Offset base);
  void check_epoch(const storage::BatchAt& at, const std::string& log);
  void check_gap(Offset from, Offset to, const std::string& file);
  /// Where reading can go on behind damage: the next entry of the offset index.
  [[nodiscard]] std::optional<std::uint64_t> next_indexed(std::uint64_t position) const;

  Result<> verify_offset_index(Offset base);
  Result<> verify_time_index(Offset base);
  Result<> verify_transaction_index(Offset base);
  Result<> verify_snapshots();
  /// The one that has this offset, or the next one: wrappers of format 1 know their last only.
  [[nodiscard]] const BatchFact* batch_with(Offset offset) const;
  /// A start rebuilds what is not flushed yet.
  void wrong_index(const std::string& file, const std::string& problem,
                   std::optional<std::uint64_t> position = std::nullopt);

  env::FileSystem& files_;
  const std::string directory_;
  const PartitionContext context_;
  Verification& found_;

  std::vector<Offset> segments_;
  std::vector<Offset> snapshots_;
  std::optional<storage::LeaderEpochs> epochs_;
  bool epochs_told_ = false;

  Offset end_;  ///< Of the batches so far.
  LeaderEpoch latest_epoch_ = kUnknownLeaderEpoch;
  // Of the segment that is read.
  bool is_trusted_ = false;  ///< Its files were finished and flushed.
  bool is_last_ = false;
  std::vector<BatchFact> batches_;
  std::vector<OffsetEntry> offset_entries_;
};

Result<PartitionEnds> PartitionVerifier::verify() {
  ++found_.partitions;
  OTTLA_TRY_VOID(sort_files());
  OTTLA_TRY_VOID(read_epochs());
  OTTLA_TRY_VOID(read_topic_id());
  if (segments_.empty()) {
    found_.note(directory_, "has no segment: the log begins anew");
    return PartitionEnds{Offset(0), Offset(0)};
  }
  end_ = segments_.front();
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const auto next = i + 1 < segments_.size() ? std::optional(segments_[i + 1]) : std::nullopt;
    OTTLA_TRY_VOID(verify_segment(segments_[i], next));
  }
  OTTLA_TRY_VOID(verify_snapshots());
  if (epochs_ && !epochs_->empty() && epochs_->entries().back().start_offset > end_) {
    found_.damage(path(storage::kLeaderEpochCheckpoint),
                  "epoch " + std::to_string(epochs_->latest().value()) + " begins at " +
                      text_of(epochs_->entries().back().start_offset) + ", behind the log's end " +
                      text_of(end_));
  }
  return PartitionEnds{segments_.front(), end_};
}

Result<> PartitionVerifier::sort_files() {
  OTTLA_TRY(const auto entries, files_.list(directory_));
  for (const env::DirectoryEntry& entry : entries) {
    if (entry.is_directory) {
      found_.note(path(entry.name), "a directory does not belong here");
      continue;
    }
    const auto base_with = [&](std::string_view suffix) {
      return storage::parse_segment_name(entry.name, suffix);
    };
    if (const auto base = base_with(storage::kLogSuffix)) {
      segments_.push_back(*base);
    } else if (const auto offset = base_with(storage::kSnapshotSuffix)) {
      snapshots_.push_back(*offset);
    } else if (entry.name.ends_with(storage::kCleanedSuffix) ||
               entry.name.ends_with(storage::kSwapSuffix)) {
      found_.note(path(entry.name), "compaction was interrupted: a start finishes or removes it");
    }
  }
  std::ranges::sort(segments_);
  std::ranges::sort(snapshots_);
  for (const env::DirectoryEntry& entry : entries) {
    for (const auto suffix :
         {storage::kIndexSuffix, storage::kTimeIndexSuffix, storage::kTransactionIndexSuffix}) {
      const auto base = storage::parse_segment_name(entry.name, suffix);
      if (base && !std::ranges::binary_search(segments_, *base)) {
        found_.damage(path(entry.name), "the segment of this index is missing");
      }
    }
  }
  return {};
}

Result<> PartitionVerifier::read_epochs() {
  const std::string file = path(storage::kLeaderEpochCheckpoint);
  OTTLA_TRY(const bool exists, files_.exists(file));
  if (!exists) return {};
  OTTLA_TRY(const std::string text, env::read_file(files_, file));
  auto epochs = storage::LeaderEpochs::from_checkpoint(text);
  if (epochs) {
    epochs_ = *std::move(epochs);
  } else {
    found_.damage(file, epochs.error().describe());
  }
  return {};
}

Result<> PartitionVerifier::read_topic_id() {
  const auto id = storage::read_partition_metadata(files_, directory_);
  if (id) return {};
  if (id.error().code() != ErrorCode::CorruptMessage) return fail(id.error());
  found_.damage(path(storage::kPartitionMetadata), id.error().describe());
  return {};
}

// Segments.

Result<> PartitionVerifier::verify_segment(Offset base, std::optional<Offset> next) {
  ++found_.segments;
  batches_.clear();
  offset_entries_.clear();
  is_last_ = !next;
  is_trusted_ = context_.ended_cleanly ||
                (next && context_.recovery_point && *next <= *context_.recovery_point);
  const std::string log = path(base, storage::kLogSuffix);
  if (base < end_) {
    found_.damage(log, "begins below the end of the one before, " + text_of(end_));
  } else if (base > end_) {
    check_gap(end_, base, log);
  }
  end_ = std::max(end_, base);
  OTTLA_TRY_VOID(verify_offset_index(base));
  OTTLA_TRY_VOID(walk(log, base));
  // The offset index was needed to walk; what it says can be judged now.
  for (std::size_t i = 0; i < offset_entries_.size(); ++i) {
    const OffsetEntry& entry = offset_entries_[i];
    const bool is_padding = entry.position == 0 && entry.offset == base;
    if (is_padding) continue;
    const auto at = std::ranges::lower_bound(batches_, entry.position, {}, &BatchFact::position);
    // An entry names the last offset of an append, and where it begins.
    const bool fits = at != batches_.end() && at->position == entry.position &&
                      at->last_offset <= entry.offset && entry.offset < end_;
    if (!fits) {
      wrong_index(path(base, storage::kIndexSuffix),
                  "offset " + text_of(entry.offset) + " at position " +
                      std::to_string(entry.position) + ": no such batch begins there",
                  i * 8);
    }
  }
  OTTLA_TRY_VOID(verify_time_index(base));
  return verify_transaction_index(base);
}

void PartitionVerifier::check_gap(Offset from, Offset to, const std::string& file) {
  if (context_.cleaner_point && to <= *context_.cleaner_point) return;
  const std::string what =
      "offsets " + text_of(from) + " to " + text_of(to + -1) + " are missing between two segments";
  // A cleaner that has been here says that gaps are no accident, even if its checkpoint is behind.
  if (context_.cleaner_point) {
    found_.note(file, what + ", above what the cleaner has been over");
  } else {
    found_.damage(file, what);
  }
}

std::optional<std::uint64_t> PartitionVerifier::next_indexed(std::uint64_t position) const {
  for (const OffsetEntry& entry : offset_entries_) {
    if (entry.position > position) return entry.position;
  }
  return std::nullopt;
}

Result<> PartitionVerifier::walk(const std::string& log, Offset base) {
  OTTLA_TRY(const auto file, files_.open(log, env::OpenMode::Read));
  OTTLA_TRY(const std::uint64_t size, file->size());
  found_.bytes += size;
  std::uint64_t position = 0;
  while (position < size) {
    storage::BatchScanner scanner(*file, position, size);
    while (true) {
      position = scanner.position();
      auto at = scanner.next();
      if (!at && at.error().code() != ErrorCode::CorruptMessage) return fail(at.error());
      if (!at || !*at) break;
      take(**at, log, base);
    }
    if (position >= size) break;
    const auto next = next_indexed(position);
    const std::uint64_t to = next && *next < size ? *next : size;
    const std::string what =
        to < size ? std::to_string(to - position) + " bytes are no batches: read on at " +
                        std::to_string(to) + ", by the offset index"
                  : "the last " + std::to_string(to - position) + " bytes are no whole batch";
    if (is_last_ && to == size && !is_trusted_) {
      found_.note(log, what + ": a start cuts them", position);
    } else {
      found_.damage(log, what, position);
    }
    position = to;
  }
  return {};
}

void PartitionVerifier::take(const storage::BatchAt& at, const std::string& log, Offset base) {
  const record::RecordBatchView& batch = at.batch;
  ++found_.batches;
  if (found_.watcher) found_.watcher(found_);
  const std::string name =
      "batch " + text_of(batch.base_offset()) + " to " + text_of(batch.last_offset());
  if (!batch.validate_crc()) {
    const std::string what = name + ": its CRC does not match";
    if (is_last_ && !is_trusted_) {
      found_.damage(log, what + "; a start cuts the log here", at.position);
    } else {
      found_.damage(log, what, at.position);
    }
  }
  if (batch.base_offset() < end_ || batch.last_offset() < batch.base_offset()) {
    found_.damage(log, name + " does not follow offset " + text_of(end_ + -1), at.position);
  }
  if (batch.last_offset() - base > std::numeric_limits<std::int32_t>::max()) {
    found_.damage(log, name + " is too far from the segment's base offset", at.position);
  }
  check_epoch(at, log);
  batches_.push_back({at.position, batch.base_offset(), batch.last_offset(), batch.max_timestamp(),
                      batch.producer_id(), !batch.is_legacy() && batch.is_control()});
  end_ = std::max(end_, batch.last_offset().next());
}

void PartitionVerifier::check_epoch(const storage::BatchAt& at, const std::string& log) {
  const LeaderEpoch epoch = at.batch.leader_epoch();
  if (epoch < LeaderEpoch(0)) return;
  if (epoch < latest_epoch_) {
    found_.damage(log,
                  "leader epoch " + std::to_string(epoch.value()) + " of the batch at offset " +
                      text_of(at.batch.base_offset()) + " is below " +
                      std::to_string(latest_epoch_.value()) + " before it",
                  at.position);
  }
  latest_epoch_ = std::max(latest_epoch_, epoch);
  if (!epochs_ || epochs_told_ || at.batch.last_offset() < context_.log_start) return;
  const LeaderEpoch noted = epochs_->epoch_of(at.batch.last_offset());
  if (noted == epoch) return;
  epochs_told_ = true;  // the others follow from the first
  const std::string problem = "says epoch " + std::to_string(noted.value()) + " at offset " +
                              text_of(at.batch.last_offset()) + ", where the log has " +
                              std::to_string(epoch.value());
  const std::string file = path(storage::kLeaderEpochCheckpoint);
  // It is written by a flush: what crashed may have newer epochs in its last segments.
  if (!is_trusted_ && epoch > epochs_->latest()) {
    found_.note(file, problem);
  } else {
    found_.damage(file, problem);
  }
}

// Indexes.

void PartitionVerifier::wrong_index(const std::string& file, const std::string& problem,
                                    std::optional<std::uint64_t> position) {
  if (is_trusted_) {
    found_.damage(file, problem, position);
  } else {
    found_.note(file, problem + "; a start rebuilds it", position);
  }
}

/// The entries themselves; the walk compares them with the batches.
Result<> PartitionVerifier::verify_offset_index(Offset base) {
  const std::string file = path(base, storage::kIndexSuffix);
  OTTLA_TRY(const bool exists, files_.exists(file));
  if (!exists) {
    found_.note(file, "is missing; a start rebuilds it");
    return {};
  }
  OTTLA_TRY(const std::string text, env::read_file(files_, file));
  auto entries = read_offset_entries(text, file);
  if (!entries) {
    wrong_index(file, entries.error().describe());
    return {};
  }
  offset_entries_ = *std::move(entries);
  for (std::size_t i = 1; i < offset_entries_.size(); ++i) {
    const OffsetEntry& before = offset_entries_[i - 1];
    if (offset_entries_[i].offset > before.offset &&
        offset_entries_[i].position > before.position) {
      continue;
    }
    wrong_index(file, "entry " + std::to_string(i) + " is not larger than the one before", i * 8);
  }
  return {};
}

const BatchFact* PartitionVerifier::batch_with(Offset offset) const {
  const auto at = std::ranges::lower_bound(batches_, offset, {}, &BatchFact::last_offset);
  return at == batches_.end() ? nullptr : &*at;
}

Result<> PartitionVerifier::verify_time_index(Offset base) {
  const std::string file = path(base, storage::kTimeIndexSuffix);
  OTTLA_TRY(const bool exists, files_.exists(file));
  if (!exists) {
    found_.note(file, "is missing; a start rebuilds it");
    return {};
  }
  OTTLA_TRY(const std::string text, env::read_file(files_, file));
  const auto entries = read_time_entries(text, file);
  if (!entries) {
    wrong_index(file, entries.error().describe());
    return {};
  }
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const TimeEntry& entry = (*entries)[i];
    if (entry.timestamp <= 0 && entry.offset == base) continue;  // preallocated, nothing there yet
    const BatchFact* batch = batch_with(entry.offset);
    const bool rises = i == 0 || (entry.timestamp > (*entries)[i - 1].timestamp &&
                                  entry.offset >= (*entries)[i - 1].offset);
    std::string problem;
    if (!rises) {
      problem = "is not larger than the one before";
    } else if (batch == nullptr) {
      problem = "names offset " + text_of(entry.offset) + ", which the segment does not have";
    } else if (batch->max_timestamp != entry.timestamp) {
      problem = "says " + std::to_string(entry.timestamp) + " for offset " + text_of(entry.offset) +
                ", where the segment has " + std::to_string(batch->max_timestamp);
    }
    if (!problem.empty()) wrong_index(file, "entry " + std::to_string(i) + " " + problem, i * 12);
  }
  return {};
}

Result<> PartitionVerifier::verify_transaction_index(Offset base) {
  const std::string file = path(base, storage::kTransactionIndexSuffix);
  OTTLA_TRY(const bool exists, files_.exists(file));
  if (!exists) return {};
  OTTLA_TRY(const std::string text, env::read_file(files_, file));
  const auto entries = read_transaction_entries(text, file);
  if (!entries) {
    wrong_index(file, entries.error().describe());
    return {};
  }
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const TransactionEntry& entry = (*entries)[i];
    const BatchFact* marker = batch_with(entry.last_offset);
    std::string problem;
    if (entry.version != 0) {
      problem = "has version " + std::to_string(entry.version);
    } else if (entry.first_offset > entry.last_offset) {
      problem = "ends before it begins";
    } else if (marker == nullptr || !marker->is_control ||
               marker->producer_id != entry.producer_id) {
      problem = "names offset " + text_of(entry.last_offset) + ", where no marker of producer " +
                std::to_string(entry.producer_id.value()) + " is";
    }
    if (!problem.empty()) wrong_index(file, "entry " + std::to_string(i) + " " + problem, i * 34);
  }
  return {};
}

Result<> PartitionVerifier::verify_snapshots() {
  for (const Offset offset : snapshots_) {
    const std::string file = path(offset, storage::kSnapshotSuffix);
    OTTLA_TRY(const std::string bytes, env::read_file(files_, file));
    storage::ProducerStates producers;
    const auto loaded =
        producers.load_snapshot(as_bytes(bytes), std::numeric_limits<std::int64_t>::min());
    if (!loaded) {
      // A crash may tear one that was not flushed; the one before serves.
      const bool was_flushed =
          context_.ended_cleanly || (context_.recovery_point && offset < *context_.recovery_point);
      if (was_flushed) {
        found_.damage(file, loaded.error().describe());
      } else {
        found_.note(file, loaded.error().describe());
      }
      continue;
    }
    if (offset > end_) found_.note(file, "is of offsets behind the log's end " + text_of(end_));
    for (const storage::ActiveProducer& producer : producers.active()) {
      const bool is_below =
          producer.last_data_offset < offset && producer.transaction_start_offset < offset;
      if (is_below) continue;
      found_.damage(file, "producer " + std::to_string(producer.producer_id.value()) +
                              " is at or above the snapshot's own offset");
    }
  }
  return {};
}

}  // namespace

Result<PartitionEnds> verify_partition(env::FileSystem& files, const std::string& directory,
                                       const PartitionContext& context, Verification& found) {
  return PartitionVerifier(files, directory, context, found).verify();
}

}  // namespace ottla::cli
