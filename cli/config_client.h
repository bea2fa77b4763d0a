#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/broker_client.h"
#include "common/base/error.h"
#include "common/config/entry.h"

/// Configs of topics and brokers by way of the brokers.
namespace ottla::cli {

/// The numbers are those of the wire.
enum class ConfigType : std::int8_t { Topic = 2, Broker = 4, BrokerLogger = 8 };

struct ConfigResource {
  ConfigType type = ConfigType::Topic;
  std::string name;  ///< Empty, of brokers: the default of all.
};

/// What a config becomes; without a value: the default again.
struct ConfigEdit {
  std::string name;
  std::optional<std::string> value;
};

/// Sorted by name; the docs of entries are empty. Errors: those of the brokers.
[[nodiscard]] Result<std::vector<config::Entry>> describe_config(BrokerClient& client,
                                                                 const ConfigResource& resource);
/// Only what is named changes. Errors: those of the brokers.
[[nodiscard]] Result<> alter_config(BrokerClient& client, const ConfigResource& resource,
                                    const std::vector<ConfigEdit>& edits);

}  // namespace ottla::cli
