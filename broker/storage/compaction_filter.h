#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "broker/storage/log_types.h"
#include "broker/storage/offset_map.h"
#include "broker/storage/transaction_index.h"
#include "common/base/error.h"
#include "common/env/clock.h"
#include "common/record/record_batch.h"

/// What compaction keeps of a batch: decisions without I/O.
namespace ottla::storage {

/// Follows transactions while batches are walked in order: which data was aborted, and of which
/// markers nothing is left that needs them.
/// Thread: one.
class TransactionsInOrder {
 public:
  /// The log's aborted transactions, as far as their markers lie at or behind the first batch.
  explicit TransactionsInOrder(std::vector<AbortedRange> aborted);

  /// Whether the data batch belongs to an aborted transaction.
  bool is_aborted(const record::RecordBatchView& batch);

  struct Marker {
    bool has_data = true;  ///< False: no batch of its transaction was seen.
    /// For the new transaction index: an abort whose data was seen.
    std::optional<AbortedRange> aborted;
  };
  /// Errors: InvalidRecord.
  Result<Marker> end_of(const record::RecordBatchView& control_batch);

 private:
  struct Ongoing {
    AbortedRange range;
    bool has_data = false;
  };
  void begin_up_to(Offset offset);

  std::vector<AbortedRange> aborted_;  ///< By first offset.
  std::size_t next_ = 0;
  std::map<ProducerId, Ongoing> ongoing_aborted_;
  std::set<ProducerId> ongoing_committed_;
};

/// What becomes of one batch.
struct FilteredBatch {
  enum class Kind : std::uint8_t { Drop, Keep, Replace };
  Kind kind = Kind::Drop;
  SharedBuffer replacement;             ///< For Replace.
  std::optional<AbortedRange> aborted;  ///< To go into the transaction index with it.
};

/// Keeps of each key the record with the largest offset; drops aborted data, markers and tombstones
/// that everybody has had time to see (KIP-534). Offsets, epochs and sequences stay as they are.
/// The last batch of each producer stays, if only its header: it carries the last sequence. Thread:
/// one.
class CompactionFilter {
 public:
  struct Rules {
    Offset latest_mapped;  ///< Records above it are not in the map, and stay.
    Offset end;            ///< Of what is compacted: the batch that ends there stays.
    env::WallTimeMs now = 0;
    std::chrono::milliseconds delete_retention{0};
    std::vector<ActiveProducer> producers;
    std::vector<AbortedRange> aborted;
  };
  CompactionFilter(const OffsetMap& map, Rules rules);

  /// Formats 0 and 1 have no delete horizon: whether their tombstones stay goes by the segment.
  void keep_legacy_tombstones(bool keep) { keep_legacy_tombstones_ = keep; }
  /// Errors: those of reading records.
  Result<FilteredBatch> filter(const record::RecordBatchView& batch);

 private:
  Result<FilteredBatch> filter_records(const record::RecordBatchView& batch, bool stays);
  [[nodiscard]] Result<FilteredBatch> filter_marker(const record::RecordBatchView& batch,
                                                    bool stays);
  [[nodiscard]] bool is_last_of_producer(const record::RecordBatchView& batch) const;

  const OffsetMap& map_;
  const Rules rules_;
  TransactionsInOrder transactions_;
  std::map<ProducerId, ActiveProducer> producers_;
  bool keep_legacy_tombstones_ = true;
};

}  // namespace ottla::storage
