#include "cli/environment.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "cli/flags.h"

namespace ottla::cli {
namespace {

struct Row {
  const char* variable;
  std::string_view flag;
  /// Flags that say the same, or that somebody else is to be asked.
  std::array<std::string_view, 5> instead;
};
constexpr std::array<Row, 2> kRows = {{
    {"OTTLA_BOOTSTRAP_SERVER",
     "bootstrap-server",
     {"broker-list", "bootstrap-controller", "zookeeper", "producer-props"}},
    {"OTTLA_COMMAND_CONFIG",
     "command-config",
     {"command.config", "producer.config", "consumer.config"}},
}};

bool knows(const Tool& tool, std::string_view flag) {
  return std::ranges::find(tool.flags, flag, &Flag::name) != tool.flags.end();
}

}  // namespace

std::optional<std::string> variable_of_process(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  if (value == nullptr) return std::nullopt;
  return value;
}

std::vector<std::string> with_environment(const Tool& tool, std::span<const std::string> words,
                                          const Environment& environment) {
  std::vector<std::string> all(words.begin(), words.end());
  const auto arguments = Arguments::parse(tool.flags, words, true);
  if (!arguments) return all;  // also with --help: what is wrong, the tool itself says
  const auto has = [&](std::string_view flag) { return !flag.empty() && arguments->has(flag); };
  // Of this tool the brokers stand in the producer's settings, which may come from that file.
  const bool servers_may_be_in_file = knows(tool, "producer-props") && has("producer.config");
  for (const Row& row : kRows) {
    if (!knows(tool, row.flag) || has(row.flag) || std::ranges::any_of(row.instead, has)) continue;
    if (servers_may_be_in_file) continue;
    if (const auto value = environment(row.variable); value && !value->empty()) {
      all.push_back("--" + std::string(row.flag));
      all.push_back(*value);
    }
  }
  return all;
}

}  // namespace ottla::cli
