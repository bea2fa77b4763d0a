#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "broker/storage/log_types.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/id.h"
#include "common/record/record_batch.h"

namespace ottla::storage {

/// What is kept of one batch of an idempotent producer.
struct ProducerBatch {
  std::int32_t last_sequence = -1;
  Offset last_offset = kUnknownOffset;
  std::int32_t offset_delta = 0;  ///< Last offset minus first offset.
  std::int64_t timestamp = -1;

  [[nodiscard]] Offset first_offset() const { return last_offset + -std::int64_t{offset_delta}; }
  [[nodiscard]] std::int32_t first_sequence() const;
};

/// One producer id in one partition: the newest epoch and its last batches.
struct ProducerEntry {
  static constexpr std::size_t kBatchesKept = 5;  // what a producer may have in flight

  ProducerId id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
  std::int32_t coordinator_epoch = -1;
  std::int64_t last_timestamp = -1;
  Offset transaction_start = kUnknownOffset;  ///< Of the open transaction.
  std::uint8_t batch_count = 0;
  std::array<ProducerBatch, kBatchesKept> batches;  ///< Oldest first.

  [[nodiscard]] bool has_transaction() const { return transaction_start != kUnknownOffset; }
  /// -1 without batches.
  [[nodiscard]] std::int32_t last_sequence() const {
    return batch_count == 0 ? -1 : batches[batch_count - 1U].last_sequence;
  }
  /// The batch with exactly these sequences, in this epoch.
  [[nodiscard]] const ProducerBatch* find(ProducerEpoch in_epoch, std::int32_t first_sequence,
                                          std::int32_t last_sequence) const;
  /// Takes over `new_epoch`; another one forgets the batches.
  void enter_epoch(ProducerEpoch new_epoch);
  void add(const ProducerBatch& batch);
};

/// A transaction that a marker ended.
struct CompletedTransaction {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;  ///< Of the marker.
  bool is_aborted = false;
};

/// The idempotent and transactional producers of one partition (KIP-98): sequence checks, duplicate
/// detection, open transactions, and the snapshot files' bytes. A value without I/O; rebuilt from
/// the newest snapshot and the batches behind it.
/// Thread: the owner's.
class ProducerStates {
 public:
  /// The changes that one append makes. They are checked before the write and applied after it, so
  /// that a failed write leaves no trace.
  class Update {
   public:
    /// Checks one batch (which has its offsets) and takes it up. Batches without a producer id are
    /// ignored. Errors: OutOfOrderSequenceNumber, InvalidProducerEpoch, InvalidTxnState,
    /// TransactionCoordinatorFenced, InvalidRecord.
    /// `verified`: a batch may open a transaction only with this token, which
    /// `begin_verification` gave and nothing has made void since; nullopt: any may.
    Result<> add(const record::RecordBatchView& batch, AppendOrigin origin,
                 std::optional<VerificationToken> verified = std::nullopt);
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] std::span<const CompletedTransaction> completed() const { return completed_; }
    /// What the last stable offset is once `completed` (one of these) has ended.
    [[nodiscard]] Offset last_stable_offset_after(const CompletedTransaction& completed) const;

   private:
    friend class ProducerStates;
    explicit Update(const ProducerStates& states) : states_(states) {}
    ProducerEntry& entry_for(ProducerId id);
    Result<> add_data(ProducerEntry& entry, const record::RecordBatchView& batch,
                      AppendOrigin origin);
    [[nodiscard]] Result<> check_verified(const ProducerEntry& entry,
                                          const record::RecordBatchView& batch,
                                          VerificationToken verified) const;
    Result<> add_marker(ProducerEntry& entry, const record::RecordBatchView& batch,
                        AppendOrigin origin);

    const ProducerStates& states_;
    absl::InlinedVector<ProducerEntry, 1> entries_;
    absl::InlinedVector<CompletedTransaction, 1> completed_;
    absl::InlinedVector<std::pair<ProducerId, Offset>, 1> started_;
  };

  [[nodiscard]] Update begin() const { return Update(*this); }

  /// A client's first record of a transaction is about to be verified with the coordinator. The
  /// token holds until a record or a marker of the producer is appended (KIP-890, W26): a marker
  /// between the question and the append makes the answer void. kNoVerification when the producer
  /// has a transaction open here in this epoch. `sequence` is remembered: of several such batches
  /// the one with the smallest must come first.
  VerificationToken begin_verification(ProducerId producer, ProducerEpoch epoch,
                                       std::int32_t sequence, std::int64_t now_ms);
  /// Tokens begin above this.
  void set_first_token(std::uint64_t first) { last_token_ = first; }
  /// The batch that `batch` repeats, if the log has it (among the last five of its producer).
  [[nodiscard]] const ProducerBatch* find_duplicate(const record::RecordBatchView& batch) const;
  void apply(const Update& update);
  /// The transaction is over; it stays unstable until its marker is below the high watermark. To be
  /// called after `apply`.
  void complete(const CompletedTransaction& completed);
  /// Forgets ended transactions whose marker is below the high watermark.
  void on_high_watermark(Offset high_watermark);
  /// First offset of a transaction that is open or not yet below the high watermark.
  [[nodiscard]] std::optional<Offset> first_unstable_offset() const;

  /// Forgets producers that were silent since `oldest` and have no transaction open, and
  /// verifications of that age.
  std::size_t expire(std::int64_t oldest);
  void clear();
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::vector<ActiveProducer> active() const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  /// N.snapshot: Kafka's, with the batches before each producer's last behind it. Kafka keeps only
  /// the last, so that a producer with several requests under way at a stop in order cannot repeat
  /// them afterwards.
  [[nodiscard]] std::vector<std::byte> to_snapshot() const;
  /// Replaces everything by a snapshot's producers, leaving out those silent since `oldest`.
  /// Errors: CorruptMessage.
  Result<> load_snapshot(ByteView snapshot, std::int64_t oldest);

 private:
  struct Verification {
    VerificationToken token;
    ProducerEpoch epoch;
    std::int32_t lowest_sequence = 0;
    std::int64_t begun_ms = 0;
  };

  absl::flat_hash_map<ProducerId, ProducerEntry> entries_;
  absl::flat_hash_map<ProducerId, Verification> verifications_;
  std::uint64_t last_token_ = 0;                         ///< Outlives `clear`.
  std::map<Offset, ProducerId> open_;                    ///< By first offset.
  std::map<Offset, CompletedTransaction> unreplicated_;  ///< By first offset.
};

}  // namespace ottla::storage
