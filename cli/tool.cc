#include "cli/tool.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "cli/environment.h"
#include "cli/version.h"

namespace ottla::cli {
namespace {

const Tool* find_tool(std::string_view name) {
  // `kafka-topics.sh` in an old script becomes `ottla kafka-topics.sh`, or a link of that name.
  if (name.starts_with("kafka-")) name.remove_prefix(6);
  if (name.ends_with(".sh")) name.remove_suffix(3);
  for (const Tool* tool : all_tools()) {
    if (tool->name == name) return tool;
  }
  return nullptr;
}

std::string overview() {
  std::string text =
      "usage: ottla TOOL [FLAGS]     ottla TOOL --help     "
      "ottla completion | scripts\n\n";
  for (const Tool* tool : all_tools()) {
    std::string name = "  " + std::string(tool->name);
    name.resize(24, ' ');
    text += name + std::string(tool->summary) + "\n";
  }
  return text;
}

constexpr Flag kHelpFlag{.name = "help", .doc = "print this"};
constexpr Flag kVersionFlag{.name = "version", .doc = "print the version"};

std::vector<Flag> flags_of(const Tool& tool) {
  std::vector<Flag> flags(tool.flags.begin(), tool.flags.end());
  flags.push_back(kHelpFlag);
  flags.push_back(kVersionFlag);
  return flags;
}

int run_tool(const Tool& tool, std::span<const std::string> words, Console& console) {
  const auto flags = flags_of(tool);
  const std::string prefix = "ottla " + std::string(tool.name) + ": ";
  const auto arguments = Arguments::parse(flags, words, !tool.words.empty());
  if (!arguments) {
    console.err << prefix << arguments.error().describe() << "\n";
    return 1;
  }
  if (arguments->has(kHelpFlag.name)) {
    console.out << "ottla " << tool.name << ": " << tool.summary << "\n\n";
    if (!tool.words.empty()) console.out << "  " << tool.words << "\n\n";
    print_help(console.page(), flags);
    return 0;
  }
  if (arguments->has(kVersionFlag.name)) {
    console.out << "ottla " << kVersion << "\n";
    return 0;
  }
  Console used = console;
  if (arguments->has(kJsonFlag.name)) used.err_columns.reset();  // for programs: no progress
  if (const auto result = tool.run(*arguments, used); !result) {
    console.out.flush();
    console.err << prefix << result.error().describe() << "\n";
    return 1;
  }
  return 0;
}

}  // namespace

std::span<const Tool* const> all_tools() {
  static constexpr std::array<const Tool*, 24> kTools = {&kBrokerApiVersionsTool,
                                                         &kClusterTool,
                                                         &kConfigsTool,
                                                         &kConsoleConsumerTool,
                                                         &kConsoleProducerTool,
                                                         &kConsumerGroupsTool,
                                                         &kConsumerPerfTestTool,
                                                         &kDeleteRecordsTool,
                                                         &kDrillTool,
                                                         &kDumpLogTool,
                                                         &kE2eLatencyTool,
                                                         &kExplainTool,
                                                         &kFeaturesTool,
                                                         &kGetOffsetsTool,
                                                         &kLeaderElectionTool,
                                                         &kLogDirsTool,
                                                         &kProducerPerfTestTool,
                                                         &kReassignPartitionsTool,
                                                         &kReplicaVerificationTool,
                                                         &kTopicsTool,
                                                         &kTransactionsTool,
                                                         &kVerifiableConsumerTool,
                                                         &kVerifiableProducerTool,
                                                         &kZooKeeperShellTool};
  return kTools;
}

int run(std::span<const std::string> words, Console& console) {
  if (words.empty()) {
    console.err << overview();
    return 1;
  }
  const std::string& first = words.front();
  if (first == "--help" || first == "help") {
    console.out << overview();
    return 0;
  }
  if (first == "--version") {
    console.out << "ottla " << kVersion << "\n";
    return 0;
  }
  if (first == "completion") {
    console.out << bash_completion();
    return 0;
  }
  if (first == "scripts") {
    for (const auto& name : script_names()) console.out << name << "\n";
    return 0;
  }
  const Tool* tool = find_tool(first);
  if (tool == nullptr) {
    console.err << "ottla: no tool \"" << first << "\"\n\n" << overview();
    return 1;
  }
  return run_tool(*tool, with_environment(*tool, words.subspan(1), variable_of_process), console);
}

std::vector<std::string> script_names() {
  std::vector<std::string> names;
  for (const Tool* tool : all_tools()) {
    if (!tool->is_kafkas) continue;
    const std::string name = std::string(tool->name) + ".sh";
    names.push_back(name.starts_with("zookeeper-") ? name : "kafka-" + name);
  }
  return names;
}

std::string bash_completion() {
  std::string names;
  std::string cases;
  for (const Tool* tool : all_tools()) {
    names += (names.empty() ? "" : " ") + std::string(tool->name);
    cases += "    " + std::string(tool->name) + ") words=\"";
    for (const auto& flag : flags_of(*tool)) cases += "--" + std::string(flag.name) + " ";
    cases.back() = '"';
    cases += " ;;\n";
  }
  std::string commands = "ottla";
  for (const auto& script : script_names()) commands += " " + script;
  return "# eval \"$(ottla completion)\"\n"
         "_ottla() {\n"
         "  local words=\"\" tool=\"${COMP_WORDS[0]##*/}\"\n"
         "  tool=\"${tool#kafka-}\"\n"
         "  tool=\"${tool%.sh}\"\n"
         "  if [ \"$tool\" = ottla ]; then\n"
         "    tool=\"${COMP_WORDS[1]}\"\n"
         "    [ \"$COMP_CWORD\" -gt 1 ] || tool=\"\"\n"
         "  fi\n"
         "  case \"$tool\" in\n" +
         cases + "    \"\") words=\"" + names +
         "\" ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _ottla " +
         commands + "\n";
}

}  // namespace ottla::cli
