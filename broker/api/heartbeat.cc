#include "common/protocol/messages/heartbeat.h"

#include <utility>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {

void handle_heartbeat(Call call, Services& services) {
  auto request = decode_or_close<protocol::HeartbeatRequest>(call);
  if (!request) return;
  services.groups.heartbeat(*std::move(request), [call = std::move(call)](ErrorCode error) mutable {
    protocol::HeartbeatResponse response;
    response.error_code = error;
    answer(call, response);
  });
}

}  // namespace ottla::api
