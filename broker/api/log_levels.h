#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"

/// How much this process logs: BROKER_LOGGER of the config APIs. There is one logger, "root"; glog
/// has no others.
namespace ottla::api {

inline constexpr std::string_view kRootLogger = "root";

/// "TRACE", "DEBUG", "INFO", "WARN", "ERROR" or "FATAL", as set last or by glog's flags at start.
[[nodiscard]] std::string_view log_level();
/// Errors: InvalidConfig for a level or a logger that does not exist.
Result<> check_log_level(std::string_view logger, std::string_view level);
/// In effect at once. `level` has passed `check_log_level`.
void set_log_level(std::string_view level);

}  // namespace ottla::api
