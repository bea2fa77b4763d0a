#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/config/properties.h"

namespace ottla::cli {

/// `k=v,k=[a,b]`, as --add-config takes it: brackets around a value keep its commas. Errors:
/// InvalidRequest for what has no `=`.
[[nodiscard]] Result<config::Properties> parse_added_configs(std::string_view text);

/// `a,b` without blanks around the names and without empty ones.
[[nodiscard]] std::vector<std::string> split_names(std::string_view text);

}  // namespace ottla::cli
