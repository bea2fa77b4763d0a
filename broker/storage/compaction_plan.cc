#include "broker/storage/compaction_plan.h"

#include <algorithm>
#include <limits>

namespace ottla::storage {

Cleanable cleanable_part(const LogFacts& log, const LogConfig& config, env::WallTimeMs now) {
  Cleanable cleanable;
  const Offset point = log.cleaner_point.value_or(log.log_start_offset);
  const bool is_inside = point >= log.log_start_offset && point <= log.log_end_offset;
  cleanable.first_dirty = is_inside ? point : log.log_start_offset;
  Offset limit = std::min(log.last_stable_offset, log.segments.back().base_offset);
  for (std::size_t i = 0; i + 1 < log.segments.size(); ++i) {
    const SegmentFacts& segment = log.segments[i];
    const bool is_dirty = log.segments[i + 1].base_offset > cleanable.first_dirty;
    if (!is_dirty || config.min_compaction_lag.count() == 0) continue;
    if (segment.largest_timestamp > now - config.min_compaction_lag.count()) {
      limit = std::min(limit, segment.base_offset);
      break;
    }
  }
  cleanable.first_uncleanable = std::max(limit, cleanable.first_dirty);
  for (std::size_t i = 0; i < log.segments.size(); ++i) {
    const SegmentFacts& segment = log.segments[i];
    if (segment.base_offset >= cleanable.first_uncleanable) break;
    const bool is_last = i + 1 == log.segments.size();
    const bool is_dirty = is_last || log.segments[i + 1].base_offset > cleanable.first_dirty;
    (is_dirty ? cleanable.dirty_bytes : cleanable.clean_bytes) += segment.bytes;
    if (is_dirty && segment.first_timestamp >= 0 &&
        now - segment.first_timestamp > config.max_compaction_lag_ms) {
      cleanable.is_overdue = true;
      cleanable.overdue_by_ms = std::max(
          cleanable.overdue_by_ms, now - segment.first_timestamp - config.max_compaction_lag_ms);
    }
  }
  if (cleanable.first_uncleanable <= cleanable.first_dirty) cleanable.dirty_bytes = 0;
  return cleanable;
}

bool is_worth_cleaning(const Cleanable& cleanable, const LogConfig& config) {
  if (cleanable.dirty_bytes == 0) return false;
  return cleanable.is_overdue || cleanable.dirty_ratio() > config.min_cleanable_ratio;
}

std::vector<std::size_t> group_segments(std::span<const SegmentFacts> segments, Offset end,
                                        const LogConfig& config) {
  std::vector<std::size_t> groups;
  for (std::size_t first = 0; first < segments.size();) {
    SegmentFacts sum = segments[first];
    std::size_t next = first + 1;
    for (; next < segments.size(); ++next) {
      const SegmentFacts& segment = segments[next];
      sum.bytes += segment.bytes;
      sum.index_bytes += segment.index_bytes;
      sum.time_index_bytes += segment.time_index_bytes;
      const Offset behind = next + 1 < segments.size() ? segments[next + 1].base_offset : end;
      if (sum.bytes > static_cast<std::uint64_t>(config.segment_bytes) ||
          sum.index_bytes > static_cast<std::uint64_t>(config.index_max_bytes) ||
          sum.time_index_bytes > static_cast<std::uint64_t>(config.index_max_bytes) ||
          behind - sum.base_offset > std::numeric_limits<std::int32_t>::max()) {
        break;
      }
    }
    groups.push_back(next - first);
    first = next;
  }
  return groups;
}

}  // namespace ottla::storage
