#include "common/protocol/messages/list_groups.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "broker/api/handlers.h"
#include "broker/group/group_service.h"

namespace ottla::api {
namespace {

/// In ZooKeeper mode all groups speak the classic protocol.
constexpr std::string_view kGroupType = "classic";

bool names_our_type(const std::string& text) {
  return std::ranges::equal(text, kGroupType, [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  });
}

}  // namespace

void handle_list_groups(Call call, Services& services) {
  auto request = decode_or_close<protocol::ListGroupsRequest>(call);
  if (!request) return;
  const bool any =
      request->types_filter.empty() || std::ranges::any_of(request->types_filter, names_our_type);
  services.groups.list(std::move(request->states_filter),
                       [call = std::move(call), any](const group::GroupList& list) mutable {
                         protocol::ListGroupsResponse response;
                         response.error_code = list.error;
                         for (const group::ListedGroup& listed : list.groups) {
                           if (!any) break;
                           auto& row = response.groups.emplace_back();
                           row.group_id = listed.group;
                           row.protocol_type = listed.protocol_type;
                           row.group_state = group::name_of(listed.state);
                           row.group_type = kGroupType;
                         }
                         answer(call, response);
                       });
}

}  // namespace ottla::api
