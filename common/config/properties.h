#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace ottla::config {

/// Names and values as they stand in a file. A name that comes twice has its last value, as in
/// Java.
using Properties = std::map<std::string, std::string, std::less<>>;

/// Reads Java's .properties format: `#` and `!` comments, `=`, `:` or blanks between name and
/// value, backslash escapes with \uXXXX (stored as UTF-8), lines continued by a backslash. Errors:
/// a \u without four hexadecimal digits, with the line's number.
[[nodiscard]] Result<Properties> parse_properties(std::string_view text);

/// Reads a file. Errors name the file.
[[nodiscard]] Result<Properties> read_properties(const std::string& path);

/// Takes one `name=value` of the command line into the properties, as `--override` gives it.
[[nodiscard]] Result<> override_property(Properties& properties, std::string_view assignment);

}  // namespace ottla::config
