#include "controller/topic_name.h"

#include <algorithm>

namespace ottla::controller {
namespace {

constexpr std::size_t kMaxTopicName = 249;

bool is_allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

Result<> check_topic_name(std::string_view name) {
  const auto refuse = [](std::string why) {
    return fail(ErrorCode::InvalidTopicException, "The topic name is not valid: " + why);
  };
  if (name.empty()) return refuse("it is empty.");
  if (name == "." || name == "..") return refuse("it cannot be \".\" or \"..\".");
  if (name.size() > kMaxTopicName) {
    return refuse("it has " + std::to_string(name.size()) + " characters, 249 are allowed.");
  }
  if (!std::all_of(name.begin(), name.end(), is_allowed)) {
    return refuse("'" + std::string(name) +
                  "' has characters other than letters and digits of ASCII, '.', '_' and '-'.");
  }
  return {};
}

std::string folded_topic_name(std::string_view name) {
  std::string folded(name);
  std::replace(folded.begin(), folded.end(), '.', '_');
  return folded;
}

bool may_collide(std::string_view name) {
  return name.find_first_of("._") != name.npos;
}

}  // namespace ottla::controller
