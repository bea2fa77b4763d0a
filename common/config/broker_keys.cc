#include "common/config/broker_keys.h"

#include <charconv>
#include <utility>

namespace ottla::config {
namespace {

/// Major and minor number of a release's name; the rest is digits, dots and an -IV number.
std::optional<std::pair<int, int>> release_of(std::string_view name) {
  std::pair<int, int> release;
  const char* const end = name.data() + name.size();
  const auto major = std::from_chars(name.data(), end, release.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, release.second);
  if (minor.ec != std::errc()) return std::nullopt;
  const std::string_view rest(minor.ptr, static_cast<std::size_t>(end - minor.ptr));
  const bool plausible = rest.empty() || rest.front() == '.' || rest.starts_with("-IV");
  if (!plausible || rest.find_first_not_of(".-IV0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return release;
}

}  // namespace

std::optional<std::string> release_violation(const Value& value) {
  constexpr std::pair kOldest{0, 8};
  constexpr std::pair kNewest{3, 9};
  const auto release = release_of(std::get<std::string>(value));
  if (release && *release >= kOldest && *release <= kNewest) return std::nullopt;
  return "must be a Kafka release from 0.8.0 to 3.9, such as 3.9 or 3.9-IV0";
}

}  // namespace ottla::config
