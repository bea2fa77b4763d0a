#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/config/broker_config.h"
#include "common/config/properties.h"

/// Any file is either understood or refused with a text; never more.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto properties =
      ottla::config::parse_properties(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!properties) return 0;
  (void)ottla::config::BrokerConfig::load(*properties);  // its error is a fine outcome
  return 0;
}
