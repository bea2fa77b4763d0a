#pragma once

#include "cli/group_client.h"
#include "cli/tool.h"

namespace ottla::cli {

/// `consumer-groups --undelete-offsets`: commits again what has ended within the undelete window.
/// Errors: InvalidRequest when there is nothing; NonEmptyGroup.
[[nodiscard]] Result<> undelete_offsets(GroupClient& client, const Arguments& arguments,
                                        Console& console);

}  // namespace ottla::cli
