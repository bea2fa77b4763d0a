#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"

/// How much this process logs: BROKER_LOGGER of the config APIs. There are two loggers: "root", for
/// all that glog writes, and the log of requests, which is off unless somebody turns it on.
namespace ottla::api {

inline constexpr std::string_view kRootLogger = "root";
inline constexpr std::string_view kRequestLogger = "kafka.request.logger";
inline constexpr std::array<std::string_view, 2> kLoggers = {kRequestLogger, kRootLogger};

/// "TRACE", "DEBUG", "INFO", "WARN", "ERROR" or "FATAL", as set last or by glog's flags at start;
/// the log of requests begins at WARN, as in Kafka. `logger` is one of kLoggers.
[[nodiscard]] std::string_view log_level(std::string_view logger = kRootLogger);
/// Errors: InvalidConfig for a level or a logger that does not exist.
Result<> check_log_level(std::string_view logger, std::string_view level);
/// In effect at once. Both have passed `check_log_level`.
void set_log_level(std::string_view logger, std::string_view level);
/// Back to what it was at the start. Only of the log of requests.
void reset_log_level(std::string_view logger);

/// What the log of requests is to tell now: nothing above DEBUG.
enum class RequestLogDetail : std::uint8_t { None, Request, RequestAndAnswer };
/// Costs a look at a number. Thread: any.
[[nodiscard]] RequestLogDetail request_log_detail();

}  // namespace ottla::api
