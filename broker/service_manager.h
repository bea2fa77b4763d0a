#pragma once

#include <string_view>

namespace ottla::broker {

/// Tells the service manager that started this process how it is: `READY=1`, `STOPPING=1`,
/// `STATUS=...` (systemd's Type=notify, the socket in NOTIFY_SOCKET). Without one, and when it does
/// not listen, nothing happens.
void tell_service_manager(std::string_view state);

}  // namespace ottla::broker
