#pragma once

#include <string_view>

namespace ottla::cli {

inline constexpr std::string_view kVersion = OTTLA_VERSION;

}  // namespace ottla::cli
