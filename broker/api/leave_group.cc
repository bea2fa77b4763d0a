#include "common/protocol/messages/leave_group.h"

#include <utility>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {

void handle_leave_group(Call call, Services& services) {
  auto request = decode_or_close<protocol::LeaveGroupRequest>(call);
  if (!request) return;
  // One member until version 2, which is told in the place of the whole request.
  const bool is_batch = call.version_at_least(3);
  if (!is_batch) {
    request->members.resize(1);
    request->members[0].member_id = std::move(request->member_id);
  }
  services.groups.leave(
      std::move(request->group_id), std::move(request->members),
      [call = std::move(call), is_batch](protocol::LeaveGroupResponse response) mutable {
        if (!is_batch) {
          if (response.error_code == ErrorCode::None && !response.members.empty()) {
            response.error_code = response.members[0].error_code;
          }
          response.members.clear();
        }
        answer(call, response);
      });
}

}  // namespace ottla::api
