#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/config/properties.h"

namespace ottla::cli {

/// Client settings as Kafka's tools read them from files and --property flags.
class ClientProperties {
 public:
  /// Nothing is read when there is no file. Errors: InvalidConfig.
  [[nodiscard]] static Result<ClientProperties> read(const std::optional<std::string>& file);

  /// Puts flags over what the file says.
  void override_with(const std::map<std::string, std::string>& pairs);
  /// A tool's own default, below all that was given: after the last override.
  void set_default(const std::string& name, const std::string& value);
  [[nodiscard]] const config::Properties& all() const { return properties_; }

  /// request.timeout.ms, or Kafka's default.
  [[nodiscard]] std::chrono::milliseconds request_timeout() const;
  /// The error when the settings ask for TLS or SASL, where a tool can only do without.
  [[nodiscard]] Result<> require_plaintext() const;

 private:
  config::Properties properties_;
};

}  // namespace ottla::cli
