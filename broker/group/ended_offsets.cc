// Offsets that have ended are kept for a while, in the log as in memory, for whoever wants them
// back (N23).
#include <memory>
#include <utility>

#include <glog/logging.h>

#include "broker/group/coordinator_core.h"

namespace ottla::group {

/// What goes into the log for it; nullopt if nothing is kept.
std::optional<LogRecord> CoordinatorCore::keep_ended_offset(const Group& group,
                                                            const TopicPartition& partition,
                                                            OffsetEnd why) {
  const StoredOffset* const stored = group.offsets.find(partition);
  const auto shard = shards_.find(shard_of(group.id()));
  if (config_.undelete_window.count() == 0 || stored == nullptr || shard == shards_.end()) {
    return std::nullopt;
  }
  EndedOffset ended{.committed = stored->committed, .ended = clock_.wall_now_ms(), .why = why};
  ended.committed.expire_time.reset();
  auto record = ended_offset_record(group.id(), partition, ended);
  if (!record) return std::nullopt;
  shard->second.ended[group.id()][partition] = std::move(ended);
  return *std::move(record);
}

void CoordinatorCore::drop_ended_offsets(
    const std::function<bool(const TopicPartition&, const EndedOffset&)>& is_over) {
  std::map<std::string, std::vector<LogRecord>> tombstones;
  for (auto& [partition, shard] : shards_) {
    for (auto group = shard.ended.begin(); group != shard.ended.end();) {
      auto& [id, offsets] = *group;
      for (auto offset = offsets.begin(); offset != offsets.end();) {
        if (!is_over(offset->first, offset->second)) {
          ++offset;
          continue;
        }
        if (auto tombstone = ended_offset_tombstone(id, offset->first)) {
          tombstones[id].push_back(*std::move(tombstone));
        }
        offset = offsets.erase(offset);
      }
      group = offsets.empty() ? shard.ended.erase(group) : std::next(group);
    }
  }
  // If they are lost, whoever loads the log next drops the offsets again.
  for (auto& [id, records] : tombstones)
    append_tombstones(id, std::move(records), [](ErrorCode) {});
}

void CoordinatorCore::append_tombstones(const std::string& group, std::vector<LogRecord> records,
                                        Callback<ErrorCode> done) {
  constexpr std::size_t kBytesOfABatch = 512 << 10;
  std::vector<std::vector<LogRecord>> batches(1);
  std::size_t bytes = 0;
  for (LogRecord& record : records) {
    if (bytes > kBytesOfABatch && !batches.back().back().value) {
      batches.emplace_back();
      bytes = 0;
    }
    bytes += record.key.size() + (record.value ? record.value->size() : 0);
    batches.back().push_back(std::move(record));
  }
  struct Left {
    std::size_t batches;
    ErrorCode error;
    Callback<ErrorCode> done;
  };
  const auto left = std::make_shared<Left>(Left{batches.size(), ErrorCode::None, std::move(done)});
  for (auto& batch : batches) {
    append(group, std::move(batch), [group, left](const OffsetsLog::Outcome& outcome) {
      if (outcome.error != ErrorCode::None) {
        left->error = outcome.error;
        LOG(WARNING) << "[group " << group << "] tombstones not stored: " << name_of(outcome.error);
      }
      if (--left->batches == 0) std::move(left->done)(left->error);
    });
  }
}

std::vector<GroupAccount::Ended> CoordinatorCore::kept_offsets(const std::string& id) const {
  std::vector<GroupAccount::Ended> kept;
  const EndedOffsets& ended = shards_.at(shard_of(id)).ended;
  const auto found = ended.find(id);
  if (found == ended.end()) return kept;
  for (const auto& [partition, offset] : found->second) {
    kept.push_back({partition, offset, offset.ended + config_.undelete_window.count()});
  }
  return kept;
}

}  // namespace ottla::group
