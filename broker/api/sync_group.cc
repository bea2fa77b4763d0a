#include "common/protocol/messages/sync_group.h"

#include <utility>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {

void handle_sync_group(Call call, Services& services) {
  auto request = decode_or_close<protocol::SyncGroupRequest>(call);
  if (!request) return;
  // KIP-559: who can say what it believes the protocol to be must do so.
  if (call.version_at_least(5) && (!request->protocol_type || !request->protocol_name)) {
    protocol::SyncGroupResponse response;
    response.error_code = ErrorCode::InconsistentGroupProtocol;
    return answer(call, response);
  }
  services.groups.sync(*std::move(request),
                       [call = std::move(call)](const protocol::SyncGroupResponse& told) mutable {
                         answer(call, told);
                       });
}

}  // namespace ottla::api
