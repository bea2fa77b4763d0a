// `ottla explain`: what is, why, since when, and what to do next. Each subject is a file of its
// own; here they are found by the words on the command line.
#include "cli/explain.h"

#include <vector>

namespace ottla::cli {
namespace {

constexpr Flag kFlags[] = {
    kBootstrapServerFlag,
    kCommandConfigFlag,
    kJsonFlag,
    {.name = "zookeeper",
     .value = "host:port,../chroot",
     .doc = "ask ZooKeeper as well: which brokers are registered, when no broker can tell"},
    {.name = "timeout",
     .value = "ms",
     .doc = "how long to wait for ZooKeeper and for a broker that does not answer; 3000"},
};

constexpr const ExplainSubject* kSubjects[] = {&kExplainPartition, &kExplainBroker, &kExplainGroup};

Result<> run_explain(const Arguments& arguments, Console& console) {
  OTTLA_TRY(const auto target, explain_target(arguments.words()));
  return target.subject->run(target.object, arguments, console);
}

}  // namespace

std::span<const ExplainSubject* const> explain_subjects() {
  return kSubjects;
}

Result<ExplainTarget> explain_target(std::span<const std::string> words) {
  std::string usage = "explain what? One of:";
  for (const ExplainSubject* const subject : kSubjects) {
    usage += "\n  ottla explain " + std::string(subject->name) + ' ' +
             std::string(subject->object) + ": " + std::string(subject->summary);
    if (words.size() == 2 && words[0] == subject->name) return ExplainTarget{subject, words[1]};
  }
  if (words.size() == 1) {
    std::vector<const ExplainSubject*> meant;
    for (const ExplainSubject* const subject : kSubjects) {
      if (subject->is_meant_by != nullptr && subject->is_meant_by(words[0])) {
        meant.push_back(subject);
      }
    }
    if (meant.size() == 1) return ExplainTarget{meant.front(), words[0]};
  }
  return fail(ErrorCode::InvalidRequest, std::move(usage));
}

const Tool kExplainTool{
    .name = "explain",
    .summary = "why something is as it is, and what to do about it",
    .flags = kFlags,
    .words = "SUBJECT NAME",
    .run = run_explain,
    .is_kafkas = false,
};

}  // namespace ottla::cli
