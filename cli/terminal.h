#pragma once

#include <cstddef>
#include <optional>

#include "cli/environment.h"

namespace ottla::cli {

/// How many columns the terminal behind this file descriptor has: as COLUMNS in the environment
/// says, else as the terminal itself does. Nullopt: it is a file or a pipe.
[[nodiscard]] std::optional<std::size_t> terminal_columns(int descriptor,
                                                          const Environment& environment);

}  // namespace ottla::cli
