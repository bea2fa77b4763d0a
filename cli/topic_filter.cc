#include "cli/topic_filter.h"

#include <algorithm>

#include "common/cluster/topic_name.h"

namespace ottla::cli {

Result<TopicFilter> TopicFilter::parse(std::string_view text) {
  std::string pattern(text);
  std::erase_if(pattern, [](char c) { return c == ' ' || c == '"' || c == '\''; });
  std::ranges::replace(pattern, ',', '|');
  if (pattern == "*") pattern = ".*";
  try {
    return TopicFilter(std::regex(pattern, std::regex::ECMAScript | std::regex::optimize));
  } catch (const std::regex_error& error) {
    return fail(ErrorCode::InvalidRequest,
                "\"" + std::string(text) + "\" is no regular expression: " + error.what());
  }
}

bool TopicFilter::accepts(const std::string& topic) const {
  return std::regex_match(topic, pattern_);
}

bool is_internal_topic(std::string_view topic) {
  return cluster::is_internal_topic(topic) || topic == "__share_group_state";
}

}  // namespace ottla::cli
