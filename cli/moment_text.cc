#include "cli/moment_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace ottla::cli {
namespace {

/// In strftime's pattern; the result has at most 31 characters.
std::string utc_text(std::int64_t ms, const char* pattern) {
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof(text), pattern, &utc)};
}

}  // namespace

std::string moment_text(std::int64_t ms) {
  std::string millis = std::to_string(ms % 1000);
  millis.insert(0, 3 - std::min<std::size_t>(millis.size(), 3), '0');
  return utc_text(ms, "%Y-%m-%d %H:%M:%S") + '.' + millis + 'Z';
}

std::string java_date_text(std::int64_t ms) {
  return utc_text(ms, "%a %b %d %H:%M:%S UTC %Y");
}

std::string java_time_text(std::chrono::system_clock::time_point time, const std::string& pattern) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  const std::pair<const char*, long> fields[] = {{"yyyy", parts.tm_year + 1900L},
                                                 {"SSS", static_cast<long>(ms)},
                                                 {"MM", parts.tm_mon + 1L},
                                                 {"dd", parts.tm_mday},
                                                 {"HH", parts.tm_hour},
                                                 {"mm", parts.tm_min},
                                                 {"ss", parts.tm_sec}};
  std::string result;
  for (std::size_t at = 0; at < pattern.size();) {
    bool found = false;
    for (const auto& [name, value] : fields) {
      const std::size_t length = std::char_traits<char>::length(name);
      if (pattern.compare(at, length, name) != 0) continue;
      std::array<char, 16> digits{};
      std::snprintf(digits.data(), digits.size(), "%0*ld", static_cast<int>(length), value);
      result += digits.data();
      at += length;
      found = true;
      break;
    }
    if (!found) result += pattern[at++];
  }
  return result;
}

}  // namespace ottla::cli
