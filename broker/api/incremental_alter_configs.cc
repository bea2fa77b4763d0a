#include "common/protocol/messages/incremental_alter_configs.h"

#include <utility>
#include <vector>

#include "broker/api/change_each.h"
#include "broker/api/config_operations.h"
#include "broker/api/config_resources.h"
#include "broker/api/handlers.h"
#include "broker/api/log_levels.h"
#include "common/config/tables.h"

namespace ottla::api {
namespace {

using protocol::IncrementalAlterConfigsRequest;
using protocol::IncrementalAlterConfigsResponse;
using Asked = IncrementalAlterConfigsRequest::Resource;
using Operations = std::vector<ConfigOperation>;

Operations operations_of(const Asked& asked) {
  Operations operations;
  for (const Asked::Config& config : asked.configs) {
    operations.push_back({config.name, config.config_operation, config.value});
  }
  return operations;
}

Result<> change_log_level(const Asked& asked, const Operations& operations, bool validate_only,
                          BrokerId own) {
  OTTLA_TRY_VOID(check_own_id(asked.resource_name, own));
  for (const ConfigOperation& operation : operations) {
    switch (static_cast<ConfigOperationKind>(operation.kind)) {
      case ConfigOperationKind::Set:
        OTTLA_TRY_VOID(check_log_level(operation.name, *operation.value));
        break;
      case ConfigOperationKind::Delete:
        OTTLA_TRY_VOID(check_log_level(operation.name, "INFO"));
        if (operation.name != kRootLogger) break;
        return fail(ErrorCode::InvalidRequest,
                    "The log level of the root logger cannot be removed.");
      case ConfigOperationKind::Append:
      case ConfigOperationKind::Subtract:
        return fail(ErrorCode::InvalidRequest, "Log levels can only be set.");
    }
  }
  if (validate_only) return {};
  for (const ConfigOperation& operation : operations) {
    if (operation.kind == static_cast<std::int8_t>(ConfigOperationKind::Delete)) {
      reset_log_level(operation.name);
    } else {
      set_log_level(operation.name, *operation.value);
    }
  }
  return {};
}

void change(const Asked& asked, bool validate_only, Services& services, Callback<Result<>> done) {
  Operations operations = operations_of(asked);
  if (auto formed = check_form(operations); !formed) return std::move(done)(std::move(formed));
  if (asked.resource_type == kBrokerLoggerResource) {
    return std::move(done)(change_log_level(asked, operations, validate_only, services.broker));
  }
  const auto find_key =
      asked.resource_type == kTopicResource ? config::find_topic_key : config::find_broker_key;
  change_config(
      asked.resource_type, asked.resource_name,
      [operations = std::move(operations), find_key](const zookeeper::ConfigMap& now) {
        return apply_operations(now, operations, find_key);
      },
      validate_only, services, std::move(done));
}

}  // namespace

void handle_incremental_alter_configs(Call call, Services& services) {
  const auto request = decode_or_close<IncrementalAlterConfigsRequest>(call);
  if (!request) return;
  change_each<IncrementalAlterConfigsResponse>(
      std::move(call), *request, [&](const Asked& asked, Callback<Result<>> done) {
        change(asked, request->validate_only, services, std::move(done));
      });
}

}  // namespace ottla::api
