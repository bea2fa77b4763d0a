#pragma once

#include <vector>

#include "common/cluster/partition.h"

/// How an assignment moves from one set of replicas to another (KIP-455). While it moves,
/// `replicas` has the target first, then what goes; `adding` and `removing` say who comes and goes.
namespace ottla::controller {

[[nodiscard]] bool is_reassigning(const cluster::Assignment& assignment);

/// The replicas once the reassignment has ended; all of them if none is under way.
[[nodiscard]] std::vector<BrokerId> target_of(const cluster::Assignment& assignment);
/// The replicas before it began.
[[nodiscard]] std::vector<BrokerId> origin_of(const cluster::Assignment& assignment);

/// From `now`, which may be under way itself, to `target`: replicas that an earlier reassignment
/// was adding and the new one does not want are not in it any more.
[[nodiscard]] cluster::Assignment reassigned(const cluster::Assignment& now,
                                             const std::vector<BrokerId>& target);

/// Replicas of `before` that `after` does not have.
[[nodiscard]] std::vector<BrokerId> replicas_dropped(const cluster::Assignment& before,
                                                     const cluster::Assignment& after);

}  // namespace ottla::controller
