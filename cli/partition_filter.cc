#include "cli/partition_filter.h"

#include <algorithm>
#include <charconv>

namespace ottla::cli {
namespace {

Result<std::int32_t> parse_number(std::string_view text) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) {
    return fail(ErrorCode::InvalidRequest,
                "\"" + std::string(text) + "\" must be a partition number");
  }
  return number;
}

/// The parts between commas; at least one.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<PartitionFilter> PartitionFilter::parse(const std::optional<std::string>& topic,
                                               const std::optional<std::string>& partitions) {
  Rule rule;
  if (topic) {
    OTTLA_TRY(rule.topic, TopicFilter::parse(*topic));
  }
  if (partitions && !partitions->empty()) {
    for (const auto part : split(*partitions)) {
      OTTLA_TRY(const auto number, parse_number(part));
      rule.partitions.push_back({number, number + 1});
    }
  }
  PartitionFilter filter;
  filter.rules_.push_back(std::move(rule));
  return filter;
}

Result<PartitionFilter::Range> PartitionFilter::parse_range(std::string_view text) {
  const auto dash = text.find('-');
  Range range;
  if (dash == std::string_view::npos) {
    OTTLA_TRY(range.begin, parse_number(text));
    range.end = range.begin + 1;
    return range;
  }
  if (dash > 0) {
    OTTLA_TRY(range.begin, parse_number(text.substr(0, dash)));
  }
  if (dash + 1 < text.size()) {
    OTTLA_TRY(range.end, parse_number(text.substr(dash + 1)));
  }
  return range;
}

Result<PartitionFilter> PartitionFilter::parse_list(std::string_view text) {
  PartitionFilter filter;
  for (const auto part : split(text)) {
    const auto colon = part.rfind(':');
    Rule rule;
    if (const auto topic = part.substr(0, colon); !topic.empty()) {
      OTTLA_TRY(rule.topic, TopicFilter::parse(topic));
    }
    if (colon != std::string_view::npos && colon + 1 < part.size()) {
      OTTLA_TRY(const Range range, parse_range(part.substr(colon + 1)));
      rule.partitions.push_back(range);
    }
    filter.rules_.push_back(std::move(rule));
  }
  return filter;
}

bool PartitionFilter::accepts(const std::string& topic, std::int32_t partition) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    if (rule.topic && !rule.topic->accepts(topic)) return false;
    return rule.partitions.empty() || std::ranges::any_of(rule.partitions, [&](const Range& range) {
             return partition >= range.begin && partition < range.end;
           });
  });
}

}  // namespace ottla::cli
