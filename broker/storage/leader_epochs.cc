#include "broker/storage/leader_epochs.h"

#include <algorithm>
#include <limits>

#include "broker/storage/checkpoint.h"

namespace ottla::storage {

bool LeaderEpochs::assign(LeaderEpoch epoch, Offset start) {
  if (epoch < LeaderEpoch(0) || start < Offset(0)) return false;
  if (!entries_.empty() && entries_.back().epoch >= epoch) return false;
  truncate_from_end(start);
  entries_.push_back({epoch, start});
  return true;
}

bool LeaderEpochs::truncate_from_end(Offset end) {
  const std::size_t before = entries_.size();
  while (!entries_.empty() && entries_.back().start_offset >= end) entries_.pop_back();
  return entries_.size() != before;
}

bool LeaderEpochs::truncate_from_start(Offset start) {
  const auto above = std::find_if(entries_.begin(), entries_.end(), [&](const EpochStart& entry) {
    return entry.start_offset > start;
  });
  if (above == entries_.begin()) return false;
  const auto first_kept = above - 1;
  if (first_kept == entries_.begin() && first_kept->start_offset == start) return false;
  first_kept->start_offset = start;
  entries_.erase(entries_.begin(), first_kept);
  return true;
}

EpochEndOffset LeaderEpochs::end_offset_for(LeaderEpoch epoch, Offset log_end_offset) const {
  if (entries_.empty() || epoch == kUnknownLeaderEpoch || epoch > latest()) return {};
  if (epoch == latest()) return {epoch, log_end_offset};
  const auto next = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const EpochStart& entry) { return entry.epoch > epoch; });
  // Older than everything here: nothing of that epoch is left, so it ended where the log begins.
  if (next == entries_.begin()) return {epoch, next->start_offset};
  return {(next - 1)->epoch, next->start_offset};
}

LeaderEpoch LeaderEpochs::epoch_of(Offset offset) const {
  const auto above = std::find_if(entries_.begin(), entries_.end(), [&](const EpochStart& entry) {
    return entry.start_offset > offset;
  });
  return above == entries_.begin() ? kUnknownLeaderEpoch : (above - 1)->epoch;
}

std::string LeaderEpochs::to_checkpoint() const {
  std::string text = "0\n" + std::to_string(entries_.size()) + "\n";
  for (const EpochStart& entry : entries_) {
    text += std::to_string(entry.epoch.value()) + " " + std::to_string(entry.start_offset.value()) +
            "\n";
  }
  return text;
}

Result<LeaderEpochs> LeaderEpochs::from_checkpoint(std::string_view text) {
  OTTLA_TRY(const auto lines, parse_checkpoint(text, /*fields=*/2));
  LeaderEpochs epochs;
  for (const auto& fields : lines) {
    OTTLA_TRY(const std::int64_t epoch, parse_checkpoint_number(fields[0]));
    OTTLA_TRY(const std::int64_t start, parse_checkpoint_number(fields[1]));
    if (epoch < 0 || epoch > std::numeric_limits<std::int32_t>::max() || start < 0) {
      return fail(ErrorCode::CorruptMessage, "impossible entry '" + std::string(fields[0]) + " " +
                                                 std::string(fields[1]) + "'");
    }
    const EpochStart entry{LeaderEpoch(static_cast<std::int32_t>(epoch)), Offset(start)};
    if (!epochs.empty() && (entry.epoch <= epochs.entries_.back().epoch ||
                            entry.start_offset < epochs.entries_.back().start_offset)) {
      return fail(ErrorCode::CorruptMessage,
                  "leader epochs do not rise at epoch " + std::to_string(epoch));
    }
    epochs.entries_.push_back(entry);
  }
  return epochs;
}

}  // namespace ottla::storage
