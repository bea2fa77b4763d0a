#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/flags.h"
#include "common/base/error.h"
#include "common/base/topic_partition.h"

/// What `consumer-groups --reset-offsets` means, without a broker.
namespace ottla::cli {

/// Where offsets are to be moved to.
struct OffsetTarget {
  enum class Kind : std::uint8_t {
    Earliest,
    Latest,
    Current,    ///< The committed one; the latest where there is none.
    Offset,     ///< `number`, kept between earliest and latest.
    Shift,      ///< By `number`, kept between earliest and latest.
    Timestamp,  ///< The first record at `number` ms or later; else the latest.
    File,       ///< As the file says.
  };
  Kind kind = Kind::Current;
  std::int64_t number = 0;
};

/// Of the flags: exactly one target must be there. `now_ms` is for --by-duration. Errors:
/// InvalidRequest.
[[nodiscard]] Result<OffsetTarget> parse_target(const Arguments& arguments, std::int64_t now_ms);

/// `YYYY-MM-DDTHH:mm:SS.sss`, with or without fractions, and with Z, ±hh:mm or ±hhmm; without one
/// of these it is UTC, as Kafka takes it. Errors: InvalidRequest.
[[nodiscard]] Result<std::int64_t> parse_datetime_ms(std::string_view text);
/// As java.time.Duration reads it: `P7D`, `PT1H30M`, `p1dt12h`, `PT0.5S`, `-PT1M`. Errors:
/// InvalidRequest.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// Topics of --topic: `orders` or `orders:0,1`. Errors: InvalidRequest.
struct TopicChoice {
  std::string topic;
  std::vector<std::int32_t> partitions;  ///< Empty: all.
};
[[nodiscard]] Result<TopicChoice> parse_topic_choice(std::string_view text);

/// By group; lines `topic,partition,offset` are for the only one of `groups`, lines
/// `group,topic,partition,offset` for several. Errors: InvalidRequest, with the line.
using ResetPlan = std::map<std::string, std::map<TopicPartition, std::int64_t>>;
[[nodiscard]] Result<ResetPlan> parse_plan(std::string_view csv,
                                           const std::vector<std::string>& groups);
/// `with_group`: four columns.
[[nodiscard]] std::string plan_as_csv(const ResetPlan& plan, bool with_group);

/// The same as --json prints it: a list of {"group", "topic", "partition", "newOffset"}. Errors:
/// InvalidRequest, with the number of the entry.
[[nodiscard]] Result<ResetPlan> parse_json_plan(const std::string& text,
                                                const std::vector<std::string>& groups);
[[nodiscard]] std::string plan_as_json(const ResetPlan& plan);

/// What is known of a partition.
struct OffsetRange {
  std::int64_t earliest = 0;
  std::int64_t latest = 0;
  std::optional<std::int64_t> committed{};
  std::optional<std::int64_t> at_time{};  ///< For Timestamp.
};
/// The new offset; `warning` is set when it is not quite what was asked for. Errors:
/// InvalidRequest: a shift from nowhere.
struct NewOffset {
  std::int64_t offset = 0;
  std::string warning{};
};
[[nodiscard]] Result<NewOffset> new_offset(const OffsetTarget& target, const OffsetRange& range);

}  // namespace ottla::cli
