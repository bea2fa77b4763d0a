#include "broker/api/log_levels.h"

#include <glog/logging.h>
#include <glog/vlog_is_on.h>

#include <algorithm>

namespace ottla::api {
namespace {

struct Level {
  std::string_view name;
  int least_severity;
  int verbosity;
};

constexpr Level kLevels[] = {{"TRACE", 0, 2}, {"DEBUG", 0, 1}, {"INFO", 0, 0},
                             {"WARN", 1, 0},  {"ERROR", 2, 0}, {"FATAL", 3, 0}};

}  // namespace

std::string_view log_level() {
  if (FLAGS_minloglevel > 0) return kLevels[std::min(FLAGS_minloglevel, 3) + 2].name;
  return kLevels[2 - std::clamp(FLAGS_v, 0, 2)].name;
}

Result<> check_log_level(std::string_view logger, std::string_view level) {
  if (logger != kRootLogger) {
    return fail(ErrorCode::InvalidConfig,
                "Logger " + std::string(logger) + " does not exist: there is one for all, root.");
  }
  if (std::ranges::find(kLevels, level, &Level::name) == std::end(kLevels)) {
    return fail(ErrorCode::InvalidConfig,
                "root=" + std::string(level) +
                    ": must be one of TRACE, DEBUG, INFO, WARN, ERROR and FATAL");
  }
  return {};
}

void set_log_level(std::string_view level) {
  const Level* const found = std::ranges::find(kLevels, level, &Level::name);
  FLAGS_minloglevel = found->least_severity;
  FLAGS_v = found->verbosity;
}

}  // namespace ottla::api
