#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "cli/drill_fault.h"
#include "cli/flags.h"
#include "common/base/error.h"

namespace ottla::cli {

/// Which brokers a drill is about when none is named.
enum class DrillTargets : std::uint8_t { LeaderOfTopic, Controller, Everyone };

/// One kind of drill, a row of the table in drill_kind.cc.
struct DrillKind {
  std::string_view name;
  Harm harm;
  DrillTargets choice;
  bool session_must_end;  ///< The fault is there when the session in ZooKeeper has ended.

  /// The kind that the command line names. Errors: InvalidRequest, with all names.
  [[nodiscard]] static Result<const DrillKind*> chosen(const Arguments& arguments);
};

/// The times that the flags of the same names give.
struct DrillTimes {
  std::chrono::milliseconds duration, interval, observe, max_gap, patience, timeout;

  [[nodiscard]] static Result<DrillTimes> of(const Arguments& arguments);
};

}  // namespace ottla::cli
