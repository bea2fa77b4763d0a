#pragma once

#include "cli/tool.h"

namespace ottla::cli {

/// A flag of Kafka's tools that leads nowhere here: it is known, to say what to do instead.
inline constexpr Flag kBootstrapControllerFlag{
    .name = "bootstrap-controller",
    .value = "host:port,..",
    .doc = "refused: a cluster with ZooKeeper has no controllers of KRaft"};

/// Errors: InvalidRequest.
[[nodiscard]] inline Result<> refuse_bootstrap_controller(const Arguments& arguments) {
  if (!arguments.has(kBootstrapControllerFlag.name)) return {};
  return fail(ErrorCode::InvalidRequest,
              "--bootstrap-controller: a cluster with ZooKeeper has no such controllers; give "
              "--bootstrap-server");
}

}  // namespace ottla::cli
