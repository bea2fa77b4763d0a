#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ottla::cli {

/// A time as the tools print it for people: `2026-11-21 10:09:08.123Z`, of milliseconds since 1970.
[[nodiscard]] std::string moment_text(std::int64_t ms);

/// As Java's Date prints it, in UTC: `Sat Nov 21 10:09:08 UTC 2026`, of milliseconds since 1970.
[[nodiscard]] std::string java_date_text(std::int64_t ms);

/// A local time in a pattern of Java's SimpleDateFormat: yyyy, MM, dd, HH, mm, ss, SSS.
[[nodiscard]] std::string java_time_text(std::chrono::system_clock::time_point time,
                                         const std::string& pattern);

}  // namespace ottla::cli
