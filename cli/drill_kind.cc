#include "cli/drill_kind.h"

#include <array>
#include <string>

namespace ottla::cli {
namespace {

constexpr std::array<DrillKind, 6> kKinds = {{
    {"leader-kill", Harm::Kill, DrillTargets::LeaderOfTopic, false},
    {"controller-kill", Harm::Kill, DrillTargets::Controller, false},
    {"rolling-restart", Harm::Stop, DrillTargets::Everyone, false},
    {"zookeeper-session-loss", Harm::CutFromZookeeper, DrillTargets::LeaderOfTopic, true},
    {"isolate", Harm::CutOff, DrillTargets::LeaderOfTopic, false},
    {"pause", Harm::Pause, DrillTargets::LeaderOfTopic, false},
}};

}  // namespace

Result<const DrillKind*> DrillKind::chosen(const Arguments& arguments) {
  std::string names;
  for (const DrillKind& kind : kKinds) {
    if (arguments.words().size() == 1 && arguments.words()[0] == kind.name) return &kind;
    names += (names.empty() ? "" : ", ") + std::string(kind.name);
  }
  return fail(ErrorCode::InvalidRequest, "which drill? One of " + names);
}

Result<DrillTimes> DrillTimes::of(const Arguments& arguments) {
  DrillTimes times{};
  const auto read = [&](const char* name, std::int64_t otherwise,
                        std::chrono::milliseconds& to) -> Result<> {
    OTTLA_TRY(const auto number, arguments.number(name, 1));
    to = std::chrono::milliseconds(number.value_or(otherwise));
    return {};
  };
  OTTLA_TRY_VOID(read("duration", 5000, times.duration));
  OTTLA_TRY_VOID(read("interval", 10, times.interval));
  OTTLA_TRY_VOID(read("observe", 2000, times.observe));
  OTTLA_TRY_VOID(read("max-gap", 5000, times.max_gap));
  OTTLA_TRY_VOID(read("patience", 120'000, times.patience));
  OTTLA_TRY_VOID(read("timeout", 3000, times.timeout));
  return times;
}

}  // namespace ottla::cli
