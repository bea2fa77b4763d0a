#pragma once

#include <cstddef>
#include <istream>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/flags.h"
#include "cli/page.h"
#include "common/base/error.h"

namespace ottla::cli {

/// Where a tool reads and writes: results on `out`, all else (progress, warnings) on `err`.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::optional<std::size_t> out_columns{};  ///< How wide `out` is; unset: it is no terminal.
  std::optional<std::size_t> err_columns{};  ///< The same of `err`; unset: no progress is shown.

  [[nodiscard]] Page page() const { return {out, out_columns}; }
};

/// One tool of the `ottla` binary.
struct Tool {
  std::string_view name;
  std::string_view summary;
  std::span<const Flag> flags;
  /// What stands before the flags without dashes, for --help; empty: nothing may.
  std::string_view words{};
  /// An error is printed and makes the exit code 1.
  Result<> (*run)(const Arguments& arguments, Console& console);
  /// Whether Kafka has a script for it, to whose name it answers then.
  bool is_kafkas = true;
};

extern const Tool kBrokerApiVersionsTool;
extern const Tool kTopicsTool;
extern const Tool kConfigsTool;
extern const Tool kConsoleProducerTool;
extern const Tool kConsoleConsumerTool;
extern const Tool kGetOffsetsTool;
extern const Tool kDumpLogTool;
extern const Tool kClusterTool;
extern const Tool kConsumerGroupsTool;
extern const Tool kConsumerPerfTestTool;
extern const Tool kDeleteRecordsTool;
extern const Tool kDrillTool;
extern const Tool kE2eLatencyTool;
extern const Tool kExplainTool;
extern const Tool kFeaturesTool;
extern const Tool kLeaderElectionTool;
extern const Tool kLogDirsTool;
extern const Tool kProducerPerfTestTool;
extern const Tool kReassignPartitionsTool;
extern const Tool kReplicaVerificationTool;
extern const Tool kTransactionsTool;
extern const Tool kVerifiableConsumerTool;
extern const Tool kVerifiableProducerTool;
extern const Tool kZooKeeperShellTool;

/// All tools, by name.
[[nodiscard]] std::span<const Tool* const> all_tools();

/// Runs `ottla WORDS...` and returns the exit code.
[[nodiscard]] int run(std::span<const std::string> words, Console& console);

/// The names of Kafka's scripts for these tools: `kafka-topics.sh`. A link of that name to `ottla`
/// is that tool.
[[nodiscard]] std::vector<std::string> script_names();

/// A bash script that completes tools and flags, also of the links.
[[nodiscard]] std::string bash_completion();

// The flags that every tool towards a cluster has.
inline constexpr Flag kBootstrapServerFlag{
    .name = "bootstrap-server", .value = "host:port,..", .doc = "brokers to ask first"};
inline constexpr Flag kCommandConfigFlag{.name = "command-config",
                                         .value = "file",
                                         .doc = "client settings, in the format of .properties"};
inline constexpr Flag kJsonFlag{.name = "json", .doc = "print the result as JSON"};

}  // namespace ottla::cli
