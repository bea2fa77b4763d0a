#include "cli/replica_assignment.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace ottla::cli {
namespace {

tl::unexpected<Error> wrong(std::string_view part, std::string_view rule) {
  return fail(ErrorCode::InvalidRequest,
              "--replica-assignment: \"" + std::string(part) + "\" " + std::string(rule));
}

/// Cuts the text up to the separator off its front.
std::string_view cut(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace

Result<std::vector<std::vector<BrokerId>>> parse_replica_assignment(std::string_view text) {
  std::vector<std::vector<BrokerId>> assignment;
  while (!text.empty()) {
    const std::string_view part = cut(text, ',');
    std::string_view rest = part;
    std::vector<BrokerId> brokers;
    while (!rest.empty()) {
      std::string_view number = cut(rest, ':');
      const auto blank = number.find_first_not_of(' ');
      number.remove_prefix(std::min(blank, number.size()));
      std::int32_t id = 0;
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), id);
      if (error != std::errc() || end != number.data() + number.size() || id < 0) {
        return wrong(part, "must be broker ids separated by colons");
      }
      if (std::ranges::find(brokers, BrokerId(id)) != brokers.end()) {
        return wrong(part, "names a broker twice");
      }
      brokers.emplace_back(id);
    }
    if (brokers.empty()) return wrong(part, "must be broker ids separated by colons");
    if (!assignment.empty() && assignment.front().size() != brokers.size()) {
      return wrong(part, "must have as many brokers as the other partitions");
    }
    assignment.push_back(std::move(brokers));
  }
  return assignment;
}

}  // namespace ottla::cli
