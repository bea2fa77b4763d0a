#include "cli/config_flags.h"

#include <algorithm>

namespace ottla::cli {
namespace {

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

/// Where the next comma outside of brackets is, or the end.
std::size_t end_of_part(std::string_view text, std::size_t at) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '[') ++depth;
    if (text[at] == ']') --depth;
    if (text[at] == ',' && depth <= 0) return at;
  }
  return text.size();
}

}  // namespace

Result<config::Properties> parse_added_configs(std::string_view text) {
  config::Properties added;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_part(text, at);
    const std::string part = trimmed(text.substr(at, end - at));
    at = end + 1;
    if (part.empty()) continue;
    const auto equals = part.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::InvalidRequest,
                  "Invalid entity config: all configs to be added must be in the format "
                  "\"key=val\": " +
                      part);
    }
    std::string value = trimmed(std::string_view(part).substr(equals + 1));
    if (value.size() >= 2 && value.front() == '[' && value.back() == ']') {
      value = value.substr(1, value.size() - 2);
    }
    added[trimmed(std::string_view(part).substr(0, equals))] = std::move(value);
  }
  return added;
}

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    if (std::string name = trimmed(text.substr(at, end - at)); !name.empty()) {
      names.push_back(std::move(name));
    }
    at = end + 1;
  }
  return names;
}

}  // namespace ottla::cli
