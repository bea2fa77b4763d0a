#include "broker/api/config_resources.h"

#include <charconv>
#include <optional>
#include <utility>

#include "common/config/topic_config.h"
#include "common/zookeeper/layout.h"

namespace ottla::api {
namespace {

using zookeeper::ConfigMap;
using zookeeper::layout::ConfigEntity;

config::Properties properties_of(const ConfigMap& map) {
  return {map.begin(), map.end()};
}

/// Of a broker's config Kafka tells every fault as one of the request.
Result<> as_invalid_request(Result<> validated) {
  if (validated) return validated;
  return fail(ErrorCode::InvalidRequest, validated.error().message());
}

Result<ConfigEntity> entity_of(std::int8_t resource_type, const std::string& name,
                               Services& services) {
  if (resource_type == kTopicResource) {
    if (name.empty()) {
      return fail(ErrorCode::InvalidRequest, "Default topic resources are not allowed.");
    }
    if (!services.metadata.image()->topic(name)) {
      return fail(ErrorCode::UnknownTopicOrPartition, "The topic '" + name + "' does not exist.");
    }
    return ConfigEntity::topic(name);
  }
  if (resource_type == kBrokerResource) {
    if (name.empty()) return ConfigEntity::default_broker();
    OTTLA_TRY_VOID(check_own_id(name, services.broker));
    return ConfigEntity::broker(services.broker);
  }
  if (resource_type == kClientMetricsResource) {
    return fail(ErrorCode::InvalidRequest,
                "Configs of client metrics can only be changed in KRaft clusters.");
  }
  return fail(ErrorCode::InvalidRequest,
              "Unknown resource type " + std::to_string(resource_type) + ".");
}

Result<> validate(const ConfigEntity& entity, const ConfigMap& wanted, const ConfigMap& now,
                  Services& services) {
  if (entity.type() == "topics") {
    return config::validate_topic_config(*services.config.values(), properties_of(wanted));
  }
  const auto level = entity == ConfigEntity::default_broker() ? config::Source::DynamicDefaultBroker
                                                              : config::Source::DynamicBroker;
  return as_invalid_request(
      services.config.validate_dynamic(level, properties_of(wanted), properties_of(now)));
}

}  // namespace

Result<> check_own_id(const std::string& name, BrokerId own) {
  std::int32_t id = -1;
  const char* const digits = name.data() + (name.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(digits, name.data() + name.size(), id);
  if (error != std::errc{} || end != name.data() + name.size()) {
    return fail(ErrorCode::InvalidRequest, "Broker id must be an integer, but it is: " + name);
  }
  if (BrokerId(id) != own) {
    return fail(ErrorCode::InvalidRequest, "Unexpected broker id, expected " +
                                               std::to_string(own.value()) +
                                               " or empty string, but received " + name);
  }
  return {};
}

void change_config(std::int8_t resource_type, const std::string& name, ConfigChange change,
                   bool validate_only, Services& services, Callback<Result<>> done) {
  const auto entity = entity_of(resource_type, name, services);
  if (!entity) return std::move(done)(fail(entity.error()));
  services.configs.edit(
      *entity,
      [entity = *entity, change = std::move(change), validate_only,
       &services](const ConfigMap& now) -> Result<std::optional<ConfigMap>> {
        OTTLA_TRY(ConfigMap wanted, change(now));
        OTTLA_TRY_VOID(validate(entity, wanted, now, services));
        if (validate_only) return std::nullopt;
        return wanted;
      },
      std::move(done));
}

}  // namespace ottla::api
