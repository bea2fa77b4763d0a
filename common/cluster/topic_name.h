#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace ottla::cluster {

inline constexpr std::size_t kMaxTopicNameLength = 249;

/// Kafka's rule for topic names: 1 to 249 of ASCII letters, digits, '.', '_' and '-'; not "." and
/// not "..".
[[nodiscard]] constexpr bool is_valid_topic_name(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.size() > kMaxTopicNameLength)
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// Topics that brokers keep for themselves: the coordinators'.
inline constexpr const char* kOffsetsTopic = "__consumer_offsets";
inline constexpr const char* kTransactionsTopic = "__transaction_state";
[[nodiscard]] inline bool is_internal_topic(std::string_view name) {
  return name == kOffsetsTopic || name == kTransactionsTopic;
}

}  // namespace ottla::cluster
