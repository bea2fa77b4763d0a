#include "common/protocol/messages/join_group.h"

#include <utility>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {

void handle_join_group(Call call, Services& services) {
  auto request = decode_or_close<protocol::JoinGroupRequest>(call);
  if (!request) return;
  group::JoinCaller caller{.client_id = call.header.client_id.value_or(""),
                           .client_host = "/" + call.connection().client_host,
                           .takes_member_id_first = call.version_at_least(4),
                           .takes_skip_assignment = call.version_at_least(9)};
  services.groups.join(std::move(caller), *std::move(request),
                       [call = std::move(call)](const protocol::JoinGroupResponse& told) mutable {
                         if (told.protocol_name || call.version_at_least(7)) {
                           return answer(call, told);
                         }
                         protocol::JoinGroupResponse without_null = told;
                         without_null.protocol_name = "";
                         answer(call, without_null);
                       });
}

}  // namespace ottla::api
