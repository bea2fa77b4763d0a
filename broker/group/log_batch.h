#pragma once

#include <vector>

#include "broker/group/log_records.h"
#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/env/clock.h"
#include "common/record/format.h"

namespace ottla::group {

/// One batch of these records, byte for byte as Kafka's coordinator writes it: a batch of commits
/// has sequence 0 although it has no producer; one of groups or tombstones has none.
[[nodiscard]] Result<SharedBuffer> build_batch(const std::vector<LogRecord>& records,
                                               record::Codec codec, env::WallTimeMs now);

}  // namespace ottla::group
