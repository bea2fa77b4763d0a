#pragma once

#include "common/base/error.h"

namespace ottla::cluster {

/// What clients of a coordinator are told when an append to its topic (__consumer_offsets,
/// __transaction_state) failed with `append`, as Kafka's coordinators tell it; `too_large` when no
/// repetition makes the records fit.
[[nodiscard]] ErrorCode coordinator_error(ErrorCode append, ErrorCode too_large);

}  // namespace ottla::cluster
