#include "common/protocol/messages/alter_configs.h"

#include <utility>
#include <vector>

#include "broker/api/change_each.h"
#include "broker/api/config_operations.h"
#include "broker/api/config_resources.h"
#include "broker/api/handlers.h"

namespace ottla::api {
namespace {

using protocol::AlterConfigsRequest;
using protocol::AlterConfigsResponse;
using Asked = AlterConfigsRequest::Resource;

/// What is named is all that the config has afterwards.
Result<zookeeper::ConfigMap> replacement_of(const Asked& asked) {
  std::vector<ConfigOperation> operations;
  for (const Asked::Config& config : asked.configs) {
    operations.push_back(
        {config.name, static_cast<std::int8_t>(ConfigOperationKind::Set), config.value});
  }
  OTTLA_TRY_VOID(check_form(operations));
  return apply_operations({}, operations, nullptr);
}

void change(const Asked& asked, bool validate_only, Services& services, Callback<Result<>> done) {
  auto replacement = replacement_of(asked);
  if (!replacement) return std::move(done)(fail(replacement.error()));
  change_config(
      asked.resource_type, asked.resource_name,
      [replacement = *std::move(replacement)](
          const zookeeper::ConfigMap&) -> Result<zookeeper::ConfigMap> { return replacement; },
      validate_only, services, std::move(done));
}

}  // namespace

void handle_alter_configs(Call call, Services& services) {
  const auto request = decode_or_close<AlterConfigsRequest>(call);
  if (!request) return;
  change_each<AlterConfigsResponse>(
      std::move(call), *request, [&](const Asked& asked, Callback<Result<>> done) {
        change(asked, request->validate_only, services, std::move(done));
      });
}

}  // namespace ottla::api
