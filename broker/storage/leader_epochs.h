#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/storage/log_types.h"
#include "common/base/error.h"
#include "common/base/id.h"

namespace ottla::storage {

struct EpochStart {
  LeaderEpoch epoch;
  Offset start_offset;
  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

/// Which leader epoch began at which offset: what truncation after a failover goes by (KIP-101,
/// KIP-279). Epochs and offsets rise together. A value without I/O; the log keeps it in
/// leader-epoch-checkpoint.
/// Thread: the owner's.
class LeaderEpochs {
 public:
  /// Epoch `epoch` begins at `start`, unless it has begun before. Entries that contradict it (same
  /// or higher offset) go. True if something changed.
  bool assign(LeaderEpoch epoch, Offset start);
  /// Forgets epochs that begin at or above `end`. True if something changed.
  bool truncate_from_end(Offset end);
  /// Forgets what lies below `start`: the epoch there now begins at `start`.
  bool truncate_from_start(Offset start);
  void clear() { entries_.clear(); }

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  /// -1 if empty.
  [[nodiscard]] LeaderEpoch latest() const {
    return entries_.empty() ? kUnknownLeaderEpoch : entries_.back().epoch;
  }
  /// The answer to OffsetForLeaderEpoch: where the largest known epoch <= `epoch` ended.
  [[nodiscard]] EpochEndOffset end_offset_for(LeaderEpoch epoch, Offset log_end_offset) const;
  /// The epoch of the record at `offset`; -1 if unknown.
  [[nodiscard]] LeaderEpoch epoch_of(Offset offset) const;
  [[nodiscard]] const std::vector<EpochStart>& entries() const { return entries_; }

  [[nodiscard]] std::string to_checkpoint() const;
  /// Errors: CorruptMessage, saying which line.
  [[nodiscard]] static Result<LeaderEpochs> from_checkpoint(std::string_view text);

 private:
  std::vector<EpochStart> entries_;
};

}  // namespace ottla::storage
