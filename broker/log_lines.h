#pragma once

#include <string_view>

namespace ottla::broker {

/// Begins logging. Each line has, behind glog's own head, the name of the logger under which Kafka
/// says such things, so that what operators grep for is found:
///   `I20261121 19:00:00.123456  6515 state_change_log.cc:41 state.change.logger] [orders-3] ...`
void start_logging(const char* program);

/// The logger of what a source file says; "ottla" for what Kafka has no logger for.
[[nodiscard]] std::string_view logger_of(std::string_view file);

}  // namespace ottla::broker
