#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/group/coordinator_core.h"
#include "broker/group/group_snapshot.h"
#include "broker/group/log_records.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/record/record_batch.h"

namespace ottla::group {

/// Builds the groups of one partition of __consumer_offsets from its log, in whatever pieces that
/// is read. What cannot be understood is told and left out (W29): a single bad record must not take
/// all groups of the partition away. Thread: one.
class GroupLoader {
 public:
  /// Whole batches, in the log's order. Errors: CorruptMessage, when not even the batches can be
  /// told apart.
  [[nodiscard]] Result<> add(ByteView batches);
  /// One of them, whose CRC is good.
  void add(const record::RecordBatchView& batch);

  /// Begins where a snapshot ends. Before the first batch.
  [[nodiscard]] Result<> restore(const std::vector<GroupSnapshot::Entry>& entries);
  /// What a snapshot of what was added consists of.
  [[nodiscard]] Result<std::vector<GroupSnapshot::Entry>> entries() const;

  /// The groups as they stand at the end of what was added; the loader is spent.
  [[nodiscard]] LoadedGroups finish();
  /// The offsets that ended lately, likewise.
  [[nodiscard]] EndedOffsets finish_ended() { return std::move(ended_); }

  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }

 private:
  using Offsets = std::map<TopicPartition, StoredOffset>;

  void add_records(const record::RecordBatchView& batch);
  void end_transaction(const record::RecordBatchView& marker);
  /// kNoProducerId: not in a transaction.
  void apply(LogEntry entry, ProducerId open_transaction, Offset log_offset);
  void count_unreadable(const record::RecordBatchView& batch, const Error& error);

  std::map<std::string, GroupImage> images_;
  std::map<std::string, Offsets> offsets_;
  /// Of transactions that have not ended: producer -> group -> offsets.
  std::map<ProducerId, std::map<std::string, Offsets>> open_;
  EndedOffsets ended_;
  std::uint64_t records_ = 0;
  std::uint64_t unreadable_ = 0;
};

}  // namespace ottla::group
