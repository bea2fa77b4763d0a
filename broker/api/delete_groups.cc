#include "common/protocol/messages/delete_groups.h"

#include <set>
#include <utility>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {

void handle_delete_groups(Call call, Services& services) {
  auto request = decode_or_close<protocol::DeleteGroupsRequest>(call);
  if (!request) return;
  std::set<std::string> seen;
  std::erase_if(request->groups_names,
                [&](const std::string& group) { return !seen.insert(group).second; });
  std::vector<std::string> groups = request->groups_names;
  services.groups.delete_groups(std::move(groups),
                                [call = std::move(call), names = std::move(request->groups_names)](
                                    const std::vector<ErrorCode>& outcomes) mutable {
                                  protocol::DeleteGroupsResponse response;
                                  for (std::size_t i = 0; i < names.size(); ++i) {
                                    response.results.push_back({std::move(names[i]), outcomes[i]});
                                  }
                                  answer(call, response);
                                });
}

}  // namespace ottla::api
