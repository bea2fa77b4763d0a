#pragma once

#include "cli/group_client.h"
#include "cli/tool.h"

namespace ottla::cli {

/// `consumer-groups --reset-offsets`: each group on its own, so that one that cannot be reset does
/// not keep the others from it; what is printed was planned, or carried out. Errors:
/// InvalidRequest; what failed, by group.
[[nodiscard]] Result<> reset_offsets(GroupClient& client, const Arguments& arguments,
                                     Console& console);

}  // namespace ottla::cli
