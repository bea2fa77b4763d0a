#include "broker/api/log_levels.h"

#include <glog/logging.h>
#include <glog/vlog_is_on.h>

#include <algorithm>
#include <atomic>

namespace ottla::api {
namespace {

struct Level {
  std::string_view name;
  int least_severity;
  int verbosity;
};

constexpr Level kLevels[] = {{"TRACE", 0, 2}, {"DEBUG", 0, 1}, {"INFO", 0, 0},
                             {"WARN", 1, 0},  {"ERROR", 2, 0}, {"FATAL", 3, 0}};

constexpr std::size_t kTrace = 0;
constexpr std::size_t kDebug = 1;
constexpr std::size_t kWarn = 3;

/// Place in kLevels. Of the process, like glog's own flags.
std::atomic<std::size_t> request_level{kWarn};

std::size_t place_of(std::string_view level) {
  return static_cast<std::size_t>(std::ranges::find(kLevels, level, &Level::name) -
                                  std::begin(kLevels));
}

}  // namespace

std::string_view log_level(std::string_view logger) {
  if (logger == kRequestLogger) return kLevels[request_level.load()].name;
  if (FLAGS_minloglevel > 0) return kLevels[std::min(FLAGS_minloglevel, 3) + 2].name;
  return kLevels[2 - std::clamp(FLAGS_v, 0, 2)].name;
}

Result<> check_log_level(std::string_view logger, std::string_view level) {
  if (std::ranges::find(kLoggers, logger) == kLoggers.end()) {
    return fail(ErrorCode::InvalidConfig, "Logger " + std::string(logger) +
                                              " does not exist: there are root, for all, and " +
                                              std::string(kRequestLogger) + ".");
  }
  if (place_of(level) == std::size(kLevels)) {
    return fail(ErrorCode::InvalidConfig,
                std::string(logger) + "=" + std::string(level) +
                    ": must be one of TRACE, DEBUG, INFO, WARN, ERROR and FATAL");
  }
  return {};
}

void set_log_level(std::string_view logger, std::string_view level) {
  const std::size_t place = place_of(level);
  if (logger == kRequestLogger) {
    request_level = place;
    return;
  }
  FLAGS_minloglevel = kLevels[place].least_severity;
  FLAGS_v = kLevels[place].verbosity;
}

void reset_log_level(std::string_view logger) {
  CHECK_EQ(logger, kRequestLogger);
  request_level = kWarn;
}

RequestLogDetail request_log_detail() {
  const std::size_t level = request_level.load(std::memory_order_relaxed);
  if (level > kDebug) return RequestLogDetail::None;
  return level == kTrace ? RequestLogDetail::RequestAndAnswer : RequestLogDetail::Request;
}

}  // namespace ottla::api
