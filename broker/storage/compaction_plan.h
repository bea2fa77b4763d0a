#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "broker/storage/log_config.h"
#include "common/base/id.h"
#include "common/env/clock.h"

/// What is to be compacted, as pure decisions.
namespace ottla::storage {

/// What the plan needs of a segment.
struct SegmentFacts {
  Offset base_offset;
  std::uint64_t bytes = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t time_index_bytes = 0;
  std::int64_t largest_timestamp = -1;  ///< Or the file's time where no record has one.
  std::int64_t first_timestamp = -1;    ///< Of its first batch.
};

struct LogFacts {
  std::vector<SegmentFacts> segments;  ///< The last one is active.
  Offset log_start_offset;
  Offset log_end_offset;
  Offset last_stable_offset;            ///< Above it nothing is decided.
  std::optional<Offset> cleaner_point;  ///< From the checkpoint.
};

/// How much of a log waits for the cleaner.
struct Cleanable {
  Offset first_dirty;
  Offset first_uncleanable;
  std::uint64_t clean_bytes = 0;
  std::uint64_t dirty_bytes = 0;
  bool is_overdue = false;  ///< max.compaction.lag.ms has passed for some record.
  std::int64_t overdue_by_ms = 0;

  [[nodiscard]] double dirty_ratio() const {
    const auto total = static_cast<double>(clean_bytes + dirty_bytes);
    return total == 0 ? 0 : static_cast<double>(dirty_bytes) / total;
  }
};

/// The active segment, undecided transactions and records younger than min.compaction.lag.ms are
/// left alone. A cleaner point outside the log counts for nothing.
[[nodiscard]] Cleanable cleanable_part(const LogFacts& log, const LogConfig& config,
                                       env::WallTimeMs now);
/// Whether it is worth the work: overdue, or dirtier than min.cleanable.dirty.ratio.
[[nodiscard]] bool is_worth_cleaning(const Cleanable& cleanable, const LogConfig& config);

/// Which segments become one: neighbours that fit into segment.bytes, segment.index.bytes and the
/// range of relative offsets. Returns the number of segments in each group. `end` is the base
/// offset of what follows the last one.
[[nodiscard]] std::vector<std::size_t> group_segments(std::span<const SegmentFacts> segments,
                                                      Offset end, const LogConfig& config);

}  // namespace ottla::storage
