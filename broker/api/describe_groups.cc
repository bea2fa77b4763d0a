#include "common/protocol/messages/describe_groups.h"

#include <utility>

#include "broker/api/endpoints.h"
#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {
namespace {

using protocol::DescribeGroupsResponse;

/// With views into `description`.
DescribeGroupsResponse::Group row_of(const std::string& id,
                                     const group::GroupDescription& description) {
  DescribeGroupsResponse::Group row;
  row.error_code = description.error;
  row.group_id = id;
  row.group_state = description.state;
  row.protocol_type = description.protocol_type;
  row.protocol_data = description.protocol;
  for (const group::GroupDescription::Member& member : description.members) {
    auto& told = row.members.emplace_back();
    told.member_id = member.id;
    told.group_instance_id = member.instance_id;
    told.client_id = member.client_id;
    told.client_host = member.client_host;
    told.member_metadata = as_bytes(member.metadata);
    told.member_assignment = as_bytes(member.assignment);
  }
  return row;
}

}  // namespace

void handle_describe_groups(Call call, Services& services) {
  auto request = decode_or_close<protocol::DescribeGroupsRequest>(call);
  if (!request) return;
  std::vector<std::string> groups = request->groups;
  services.groups.describe(
      std::move(groups), [call = std::move(call), request = *std::move(request)](
                             const std::vector<group::GroupDescription>& descriptions) mutable {
        DescribeGroupsResponse response;
        for (std::size_t i = 0; i < descriptions.size(); ++i) {
          auto& row = response.groups.emplace_back(row_of(request.groups[i], descriptions[i]));
          if (request.include_authorized_operations && row.error_code == ErrorCode::None) {
            row.authorized_operations = kAllGroupOperations;
          }
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
