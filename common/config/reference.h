#pragma once

#include <string>

namespace ottla::config {

/// docs/configuration.md: every key, made from the tables.
[[nodiscard]] std::string reference();

}  // namespace ottla::config
