#pragma once

#include <regex>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace ottla::cli {

/// Chooses topics as Kafka's tools do: regular expressions, separated by commas, that fit the whole
/// name.
class TopicFilter {
 public:
  /// Errors: InvalidRequest for a text that is no regular expression.
  [[nodiscard]] static Result<TopicFilter> parse(std::string_view text);

  [[nodiscard]] bool accepts(const std::string& topic) const;

 private:
  explicit TopicFilter(std::regex pattern) : pattern_(std::move(pattern)) {}
  std::regex pattern_;
};

/// Whether Kafka itself owns the topic.
[[nodiscard]] bool is_internal_topic(std::string_view topic);

}  // namespace ottla::cli
