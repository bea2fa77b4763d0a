#include "cli/moment_text.h"

#include <algorithm>
#include <ctime>

namespace ottla::cli {

std::string moment_text(std::int64_t ms) {
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &utc);
  std::string millis = std::to_string(ms % 1000);
  millis.insert(0, 3 - std::min<std::size_t>(millis.size(), 3), '0');
  return std::string(text, size) + '.' + millis + 'Z';
}

}  // namespace ottla::cli
