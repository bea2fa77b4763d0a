#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/topic_filter.h"
#include "common/base/error.h"

namespace ottla::cli {

/// Chooses partitions for get-offsets.
class PartitionFilter {
 public:
  /// --topic and --partitions: a missing one accepts all.
  [[nodiscard]] static Result<PartitionFilter> parse(const std::optional<std::string>& topic,
                                                     const std::optional<std::string>& partitions);
  /// --topic-partitions: `topic`, `topic:3`, `topic:0-3` (3 excluded), `topic:5-`, `topic:-2`,
  /// `:1`, separated by commas; topics are regular expressions.
  [[nodiscard]] static Result<PartitionFilter> parse_list(std::string_view text);

  [[nodiscard]] bool accepts(const std::string& topic, std::int32_t partition) const;

 private:
  struct Range {
    std::int32_t begin = 0;
    std::int32_t end = std::numeric_limits<std::int32_t>::max();  ///< Exclusive.
  };
  struct Rule {
    std::optional<TopicFilter> topic;  ///< Empty: all.
    std::vector<Range> partitions;     ///< Empty: all.
  };
  [[nodiscard]] static Result<Range> parse_range(std::string_view text);

  std::vector<Rule> rules_;
};

}  // namespace ottla::cli
