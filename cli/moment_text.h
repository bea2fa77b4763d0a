#pragma once

#include <cstdint>
#include <string>

namespace ottla::cli {

/// A time as the tools print it for people: `2026-11-21 10:09:08.123Z`, of milliseconds since 1970.
[[nodiscard]] std::string moment_text(std::int64_t ms);

}  // namespace ottla::cli
