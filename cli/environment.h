#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/tool.h"

namespace ottla::cli {

/// What a variable of the environment is, or nothing.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// This process's.
[[nodiscard]] std::optional<std::string> variable_of_process(const char* name);

/// The words of a tool's command line, with the flags that the environment gives behind them:
/// OTTLA_BOOTSTRAP_SERVER stands for --bootstrap-server, OTTLA_COMMAND_CONFIG for --command-config,
/// where the tool has such a flag and the line says nothing of the matter itself.
[[nodiscard]] std::vector<std::string> with_environment(const Tool& tool,
                                                        std::span<const std::string> words,
                                                        const Environment& environment);

}  // namespace ottla::cli
