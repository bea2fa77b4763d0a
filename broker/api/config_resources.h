#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "broker/api/call.h"

/// What DescribeConfigs, AlterConfigs and IncrementalAlterConfigs can be about.
namespace ottla::api {

/// `resource_type` on the wire.
inline constexpr std::int8_t kTopicResource = 2;
inline constexpr std::int8_t kBrokerResource = 4;
inline constexpr std::int8_t kBrokerLoggerResource = 8;
inline constexpr std::int8_t kClientMetricsResource = 16;

/// Whether a resource's name is this broker's id, in any form that Java reads as a number.
/// Errors: InvalidRequest.
Result<> check_own_id(const std::string& name, BrokerId own);

/// What a change of one config makes of what stands there. May run more than once.
using ConfigChange = std::function<Result<zookeeper::ConfigMap>(const zookeeper::ConfigMap& now)>;

/// Changes the config of a topic, of this broker or of all ("") in ZooKeeper, once what comes out
/// is found right; with `validate_only` just that. `done` on any thread, once this broker has it in
/// effect. Errors as Kafka's: InvalidRequest, InvalidConfig, UnknownTopicOrPartition.
void change_config(std::int8_t resource_type, const std::string& name, ConfigChange change,
                   bool validate_only, Services& services, Callback<Result<>> done);

}  // namespace ottla::api
