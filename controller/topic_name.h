#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"

namespace ottla::controller {

/// Kafka's rules for topic names: 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-'; not "."
/// or "..". Error: InvalidTopicException.
Result<> check_topic_name(std::string_view name);

/// Metric names make no difference between '.' and '_': the name with all '.' as '_'. Two topics
/// with the same folded name collide.
[[nodiscard]] std::string folded_topic_name(std::string_view name);

/// Whether the name has a character that could collide.
[[nodiscard]] bool may_collide(std::string_view name);

}  // namespace ottla::controller
