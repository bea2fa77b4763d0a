#include "broker/storage/producer_states.h"

#include <algorithm>

#include "common/base/checksum.h"
#include "common/record/control_record.h"
#include "common/record/sequence.h"

namespace ottla::storage {
namespace {

constexpr std::int16_t kSnapshotVersion = 1;
constexpr std::size_t kSnapshotHeader = 10;  // version, CRC, count
constexpr std::size_t kSnapshotCrcFrom = 6;
constexpr std::size_t kSnapshotEntry = 46;
/// Ours, behind Kafka's entries: a count and the batches before each producer's last. Kafka's
/// reader checks the CRC over all bytes and leaves what is behind its entries alone.
constexpr std::size_t kSnapshotEarlierBatch = 32;
/// No client repeats a batch of this age: its delivery.timeout.ms is long over.
constexpr std::int64_t kRepeatedWithinMs = 15 * 60 * 1000;

bool follows(std::int32_t last_sequence, std::int32_t next_sequence) {
  return next_sequence == record::add_to_sequence(last_sequence, 1);
}

}  // namespace

std::int32_t ProducerBatch::first_sequence() const {
  return last_sequence < 0 ? -1 : record::add_to_sequence(last_sequence, -offset_delta);
}

const ProducerBatch* ProducerEntry::find(ProducerEpoch in_epoch, std::int32_t first_sequence,
                                         std::int32_t last_sequence) const {
  if (in_epoch != epoch) return nullptr;
  for (std::size_t i = 0; i < batch_count; ++i) {
    if (batches[i].last_sequence == last_sequence &&
        batches[i].first_sequence() == first_sequence) {
      return &batches[i];
    }
  }
  return nullptr;
}

void ProducerEntry::enter_epoch(ProducerEpoch new_epoch) {
  if (epoch == new_epoch) return;
  epoch = new_epoch;
  batch_count = 0;
}

void ProducerEntry::add(const ProducerBatch& batch) {
  if (batch_count == kBatchesKept) {
    std::move(batches.begin() + 1, batches.end(), batches.begin());
    --batch_count;
  }
  batches[batch_count++] = batch;
  last_timestamp = batch.timestamp;
}

Result<> ProducerStates::Update::add(const record::RecordBatchView& batch, AppendOrigin origin,
                                     std::optional<VerificationToken> verified) {
  if (!batch.has_producer_id()) return {};
  ProducerEntry& entry = entry_for(batch.producer_id());
  if (verified && batch.is_transactional() && !batch.is_control()) {
    OTTLA_TRY_VOID(check_verified(entry, batch, *verified));
  }
  if (origin != AppendOrigin::Replication && batch.producer_epoch() < entry.epoch) {
    return fail(ErrorCode::InvalidProducerEpoch);
  }
  return batch.is_control() ? add_marker(entry, batch, origin) : add_data(entry, batch, origin);
}

/// A transaction that is open here in this epoch was verified with its first record.
Result<> ProducerStates::Update::check_verified(const ProducerEntry& entry,
                                                const record::RecordBatchView& batch,
                                                VerificationToken verified) const {
  if (entry.has_transaction() && entry.epoch == batch.producer_epoch()) return {};
  const auto begun = states_.verifications_.find(entry.id);
  if (begun == states_.verifications_.end() || verified == kNoVerification ||
      begun->second.token != verified) {
    return fail(ErrorCode::InvalidTxnState);
  }
  return {};
}

ProducerEntry& ProducerStates::Update::entry_for(ProducerId id) {
  for (ProducerEntry& entry : entries_) {
    if (entry.id == id) return entry;
  }
  const auto known = states_.entries_.find(id);
  ProducerEntry& entry =
      entries_.emplace_back(known == states_.entries_.end() ? ProducerEntry{} : known->second);
  entry.id = id;
  return entry;
}

Result<> ProducerStates::Update::add_data(ProducerEntry& entry,
                                          const record::RecordBatchView& batch,
                                          AppendOrigin origin) {
  if (origin == AppendOrigin::Client) {
    // Of several first batches that are being verified the first one comes first.
    const auto begun = states_.verifications_.find(entry.id);
    if (begun != states_.verifications_.end() && begun->second.epoch == batch.producer_epoch() &&
        batch.base_sequence() > begun->second.lowest_sequence) {
      return fail(ErrorCode::OutOfOrderSequenceNumber);
    }
    // A producer that is not known here (its records were deleted, or it expired) may go on with
    // any sequence; in a new epoch it starts at 0 (KAFKA-5793, KIP-360).
    const bool is_unknown = entry.epoch == kNoProducerEpoch;
    const bool in_order = batch.producer_epoch() != entry.epoch
                              ? batch.base_sequence() == 0
                              : follows(entry.last_sequence(), batch.base_sequence());
    if (!is_unknown && !in_order) return fail(ErrorCode::OutOfOrderSequenceNumber);
  }
  if (entry.has_transaction() && !batch.is_transactional()) {
    if (origin != AppendOrigin::Replication) return fail(ErrorCode::InvalidTxnState);
  } else if (!entry.has_transaction() && batch.is_transactional()) {
    entry.transaction_start = batch.base_offset();
    started_.emplace_back(entry.id, batch.base_offset());
  }
  entry.enter_epoch(batch.producer_epoch());
  entry.add({.last_sequence = batch.last_sequence(),
             .last_offset = batch.last_offset(),
             .offset_delta = batch.last_offset_delta(),
             .timestamp = batch.max_timestamp()});
  return {};
}

Result<> ProducerStates::Update::add_marker(ProducerEntry& entry,
                                            const record::RecordBatchView& batch,
                                            AppendOrigin origin) {
  if (batch.record_count() == 0) return {};  // the cleaner emptied it
  const auto marker = record::end_transaction_marker(batch);
  if (!marker) {
    // Control records that end no transaction (other modes of Kafka) are no concern of ours.
    return origin == AppendOrigin::Replication ? Result<>{} : fail(marker.error());
  }
  if (origin != AppendOrigin::Replication && marker->coordinator_epoch < entry.coordinator_epoch) {
    return fail(ErrorCode::TransactionCoordinatorFenced);
  }
  if (entry.has_transaction()) {
    completed_.push_back({.producer_id = entry.id,
                          .first_offset = entry.transaction_start,
                          .last_offset = batch.base_offset(),
                          .is_aborted = marker->type == record::ControlType::Abort});
  }
  entry.enter_epoch(batch.producer_epoch());
  entry.coordinator_epoch = marker->coordinator_epoch;
  entry.last_timestamp = batch.max_timestamp();
  entry.transaction_start = kUnknownOffset;
  return {};
}

const ProducerBatch* ProducerStates::find_duplicate(const record::RecordBatchView& batch) const {
  const auto known = entries_.find(batch.producer_id());
  if (known == entries_.end()) return nullptr;
  return known->second.find(batch.producer_epoch(), batch.base_sequence(), batch.last_sequence());
}

void ProducerStates::apply(const Update& update) {
  for (const auto& [id, first_offset] : update.started_) open_.emplace(first_offset, id);
  for (const ProducerEntry& entry : update.entries_) {
    entries_.insert_or_assign(entry.id, entry);
    verifications_.erase(entry.id);
  }
}

VerificationToken ProducerStates::begin_verification(ProducerId producer, ProducerEpoch epoch,
                                                     std::int32_t sequence, std::int64_t now_ms) {
  const auto known = entries_.find(producer);
  if (known != entries_.end() && known->second.has_transaction() && known->second.epoch == epoch) {
    return kNoVerification;
  }
  const auto [begun, is_new] = verifications_.try_emplace(producer);
  Verification& verification = begun->second;
  if (is_new) verification.token = VerificationToken(++last_token_);
  if (is_new || verification.epoch < epoch) {
    verification.epoch = epoch;
    verification.lowest_sequence = sequence;
  } else if (verification.epoch == epoch) {
    verification.lowest_sequence = std::min(verification.lowest_sequence, sequence);
  }
  verification.begun_ms = now_ms;
  return verification.token;
}

Offset ProducerStates::Update::last_stable_offset_after(
    const CompletedTransaction& completed) const {
  Offset first = completed.last_offset.next();
  const auto take = [&](ProducerId id, Offset start) {
    const bool has_ended =
        std::any_of(completed_.begin(), completed_.end(), [&](const CompletedTransaction& other) {
          return other.first_offset == start && other.last_offset <= completed.last_offset;
        });
    if (id != completed.producer_id && !has_ended) first = std::min(first, start);
  };
  for (const auto& [start, id] : states_.open_) take(id, start);
  for (const auto& [id, start] : started_) take(id, start);
  return first;
}

void ProducerStates::complete(const CompletedTransaction& completed) {
  open_.erase(completed.first_offset);
  unreplicated_.emplace(completed.first_offset, completed);
}

void ProducerStates::on_high_watermark(Offset high_watermark) {
  for (auto at = unreplicated_.begin(); at != unreplicated_.end();) {
    at = at->second.last_offset < high_watermark ? unreplicated_.erase(at) : std::next(at);
  }
}

std::optional<Offset> ProducerStates::first_unstable_offset() const {
  std::optional<Offset> first;
  if (!open_.empty()) first = open_.begin()->first;
  if (!unreplicated_.empty() && (!first || unreplicated_.begin()->first < *first)) {
    first = unreplicated_.begin()->first;
  }
  return first;
}

std::size_t ProducerStates::expire(std::int64_t oldest) {
  absl::erase_if(verifications_, [&](const auto& item) { return item.second.begun_ms <= oldest; });
  return absl::erase_if(entries_, [&](const auto& item) {
    return !item.second.has_transaction() && item.second.last_timestamp <= oldest;
  });
}

void ProducerStates::clear() {
  entries_.clear();
  verifications_.clear();
  open_.clear();
  unreplicated_.clear();
}

std::vector<ActiveProducer> ProducerStates::active() const {
  std::vector<ActiveProducer> all;
  all.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) {
    all.push_back({id, entry.epoch, entry.last_sequence(), entry.last_timestamp,
                   entry.coordinator_epoch, entry.transaction_start,
                   entry.batch_count == 0 ? kUnknownOffset
                                          : entry.batches[entry.batch_count - 1U].last_offset});
  }
  std::sort(all.begin(), all.end(), [](const ActiveProducer& a, const ActiveProducer& b) {
    return a.producer_id < b.producer_id;
  });
  return all;
}

std::vector<std::byte> ProducerStates::to_snapshot() const {
  std::vector<const ProducerEntry*> sorted;
  sorted.reserve(entries_.size());
  std::int64_t newest = -1;
  for (const auto& [id, entry] : entries_) {
    sorted.push_back(&entry);
    newest = std::max(newest, entry.last_timestamp);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const ProducerEntry* a, const ProducerEntry* b) { return a->id < b->id; });
  const auto earlier_batches = [&](const ProducerEntry& entry) {
    const bool may_repeat = entry.last_timestamp >= newest - kRepeatedWithinMs;
    return std::span(entry.batches)
        .first(may_repeat && entry.batch_count > 0 ? entry.batch_count - 1U : 0U);
  };
  std::size_t earlier = 0;
  for (const ProducerEntry* entry : sorted) earlier += earlier_batches(*entry).size();

  std::vector<std::byte> bytes(
      kSnapshotHeader + sorted.size() * kSnapshotEntry +
      (earlier == 0 ? 0 : sizeof(std::int32_t) + earlier * kSnapshotEarlierBatch));
  store_big_endian(bytes.data(), kSnapshotVersion);
  store_big_endian(bytes.data() + 6, static_cast<std::int32_t>(sorted.size()));
  std::byte* at = bytes.data() + kSnapshotHeader;
  for (const ProducerEntry* entry : sorted) {
    const ProducerBatch last =
        entry->batch_count == 0 ? ProducerBatch{} : entry->batches[entry->batch_count - 1U];
    store_big_endian(at, entry->id.value());
    store_big_endian(at + 8, entry->epoch.value());
    store_big_endian(at + 10, last.last_sequence);
    store_big_endian(at + 14, last.last_offset.value());
    store_big_endian(at + 22, last.offset_delta);
    store_big_endian(at + 26, entry->last_timestamp);
    store_big_endian(at + 34, entry->coordinator_epoch);
    store_big_endian(at + 38, entry->transaction_start.value());
    at += kSnapshotEntry;
  }
  if (earlier > 0) {
    store_big_endian(at, static_cast<std::int32_t>(earlier));
    at += sizeof(std::int32_t);
    for (const ProducerEntry* entry : sorted) {
      for (const ProducerBatch& batch : earlier_batches(*entry)) {
        store_big_endian(at, entry->id.value());
        store_big_endian(at + 8, batch.last_sequence);
        store_big_endian(at + 12, batch.last_offset.value());
        store_big_endian(at + 20, batch.offset_delta);
        store_big_endian(at + 24, batch.timestamp);
        at += kSnapshotEarlierBatch;
      }
    }
  }
  store_big_endian(bytes.data() + 2, crc32c(ByteView(bytes).subspan(kSnapshotCrcFrom)));
  return bytes;
}

namespace {

using BatchesByProducer =
    absl::flat_hash_map<ProducerId,
                        absl::InlinedVector<ProducerBatch, ProducerEntry::kBatchesKept>>;

/// What is behind Kafka's entries; nothing in a snapshot of Kafka's.
Result<BatchesByProducer> read_earlier_batches(ByteView rest) {
  BatchesByProducer batches;
  if (rest.empty()) return batches;
  const auto wrong = [] {
    return fail(ErrorCode::CorruptMessage, "producer snapshot: wrong size");
  };
  if (rest.size() < sizeof(std::int32_t)) return wrong();
  const auto count = load_big_endian<std::int32_t>(rest.data());
  rest = rest.subspan(sizeof(std::int32_t));
  if (count < 0 || static_cast<std::size_t>(count) * kSnapshotEarlierBatch != rest.size()) {
    return wrong();
  }
  for (; !rest.empty(); rest = rest.subspan(kSnapshotEarlierBatch)) {
    const std::byte* const at = rest.data();
    batches[ProducerId(load_big_endian<std::int64_t>(at))].push_back(
        {.last_sequence = load_big_endian<std::int32_t>(at + 8),
         .last_offset = Offset(load_big_endian<std::int64_t>(at + 12)),
         .offset_delta = load_big_endian<std::int32_t>(at + 20),
         .timestamp = load_big_endian<std::int64_t>(at + 24)});
  }
  return batches;
}

}  // namespace

Result<> ProducerStates::load_snapshot(ByteView snapshot, std::int64_t oldest) {
  clear();
  if (snapshot.size() < kSnapshotHeader ||
      load_big_endian<std::int16_t>(snapshot.data()) != kSnapshotVersion) {
    return fail(ErrorCode::CorruptMessage, "producer snapshot: unknown version or too short");
  }
  if (load_big_endian<std::uint32_t>(snapshot.data() + 2) !=
      crc32c(snapshot.subspan(kSnapshotCrcFrom))) {
    return fail(ErrorCode::CorruptMessage, "producer snapshot: wrong CRC");
  }
  const auto count = load_big_endian<std::int32_t>(snapshot.data() + 6);
  if (count < 0 ||
      kSnapshotHeader + static_cast<std::size_t>(count) * kSnapshotEntry > snapshot.size()) {
    return fail(ErrorCode::CorruptMessage, "producer snapshot: wrong size");
  }
  OTTLA_TRY(const BatchesByProducer earlier,
            read_earlier_batches(snapshot.subspan(
                kSnapshotHeader + static_cast<std::size_t>(count) * kSnapshotEntry)));
  const std::byte* at = snapshot.data() + kSnapshotHeader;
  for (std::int32_t i = 0; i < count; ++i, at += kSnapshotEntry) {
    ProducerEntry entry;
    entry.id = ProducerId(load_big_endian<std::int64_t>(at));
    entry.epoch = ProducerEpoch(load_big_endian<std::int16_t>(at + 8));
    entry.last_timestamp = load_big_endian<std::int64_t>(at + 26);
    entry.coordinator_epoch = load_big_endian<std::int32_t>(at + 34);
    entry.transaction_start = Offset(load_big_endian<std::int64_t>(at + 38));
    const Offset last_offset(load_big_endian<std::int64_t>(at + 14));
    if (last_offset >= Offset(0)) {
      if (const auto found = earlier.find(entry.id); found != earlier.end()) {
        for (const ProducerBatch& batch : found->second) entry.add(batch);
      }
      entry.add({.last_sequence = load_big_endian<std::int32_t>(at + 10),
                 .last_offset = last_offset,
                 .offset_delta = load_big_endian<std::int32_t>(at + 22),
                 .timestamp = entry.last_timestamp});
    }
    if (entry.has_transaction()) {
      open_.emplace(entry.transaction_start, entry.id);
    } else if (entry.last_timestamp <= oldest) {
      continue;
    }
    entries_.insert_or_assign(entry.id, entry);
  }
  return {};
}

}  // namespace ottla::storage
