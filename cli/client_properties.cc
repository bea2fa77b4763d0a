#include "cli/client_properties.h"

#include <charconv>

namespace ottla::cli {

Result<ClientProperties> ClientProperties::read(const std::optional<std::string>& file) {
  ClientProperties result;
  if (file) {
    OTTLA_TRY(result.properties_, config::read_properties(*file));
  }
  return result;
}

void ClientProperties::override_with(const std::map<std::string, std::string>& pairs) {
  for (const auto& [name, value] : pairs) properties_.insert_or_assign(name, value);
}

void ClientProperties::set_default(const std::string& name, const std::string& value) {
  properties_.emplace(name, value);
}

std::chrono::milliseconds ClientProperties::request_timeout() const {
  constexpr std::chrono::milliseconds kDefault(30000);
  const auto at = properties_.find("request.timeout.ms");
  if (at == properties_.end()) return kDefault;
  std::int64_t number = 0;
  const auto& text = at->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && number > 0 ? std::chrono::milliseconds(number) : kDefault;
}

Result<> ClientProperties::require_plaintext() const {
  const auto at = properties_.find("security.protocol");
  if (at == properties_.end() || at->second == "PLAINTEXT") return {};
  return fail(ErrorCode::InvalidConfig, "security.protocol=" + at->second +
                                            ": must be PLAINTEXT (the default) for this tool");
}

}  // namespace ottla::cli
